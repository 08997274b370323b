/** A stand-in for Lambda's Runtime API, good for one invocation. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface RuntimeApi {
  /** `host:port`, for `AWS_LAMBDA_RUNTIME_API`. */
  address: string;
  /** What the function answered. @throws Error (the function failed, or did not start) */
  answer: Promise<unknown>;
  close(): void;
}

/** Gives `event`, in a trace that is sampled, to the first runtime that asks; whoever asks again waits for ever, as on an idle function. */
export async function startRuntimeApi(event: unknown, traceId: string): Promise<RuntimeApi> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  let given = false;
  const server = createServer(async (request, response) => {
    const path = request.url?.replace('/2018-06-01/runtime', '');
    if (path === '/invocation/next') {
      if (given) return;
      given = true;
      response.setHeader('Lambda-Runtime-Aws-Request-Id', '00000000-0000-4000-8000-000000000001');
      response.setHeader('Lambda-Runtime-Trace-Id', `Root=${traceId};Parent=53995c3f42cd8ad8;Sampled=1`);
      response.setHeader('Lambda-Runtime-Deadline-Ms', String(Date.now() + 60_000));
      response.setHeader(
        'Lambda-Runtime-Invoked-Function-Arn',
        'arn:aws:lambda:eu-central-1:111122223333:function:merge',
      );
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(event));
      return;
    }
    const body = await new Response(request as unknown as ReadableStream).text();
    response.writeHead(202).end('{"status":"OK"}');
    if (path?.endsWith('/response')) resolve(JSON.parse(body));
    else reject(new Error(`The runtime reports ${path}: ${body}`));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    answer: promise,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
