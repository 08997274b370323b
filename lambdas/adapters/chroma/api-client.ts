/** Sends requests to a server unchanged, over connections that stay open. */
import { Agent, request } from 'node:http';
import type { ApiAnswer, ApiRequest } from '../../ports.ts';
import { HOST } from './free-port.ts';

export class ApiClient {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });

  constructor(port: number) {
    this.#port = port;
  }

  /** @throws Error (the server was silent for `timeoutMs`, or the connection ended) */
  send({ method, path, body, contentType = 'application/json' }: ApiRequest, timeoutMs: number): Promise<ApiAnswer> {
    const { promise, resolve, reject } = Promise.withResolvers<ApiAnswer>();
    const bytes = body === undefined ? undefined : Buffer.from(body);
    const headers = {
      host: HOST,
      ...(contentType !== '' && { 'content-type': contentType }),
      ...(bytes !== undefined && { 'content-length': bytes.length }),
    };
    const sent = request({ host: HOST, port: this.#port, method, path, headers, agent: this.#agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        resolve({ status: response.statusCode ?? 0, body: text, contentType: response.headers['content-type'] });
      });
    });
    sent.setTimeout(timeoutMs, () => sent.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    sent.once('error', reject);
    sent.end(bytes);
    return promise;
  }

  close(): void {
    this.#agent.destroy();
  }
}
