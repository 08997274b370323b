/** The deployed functions, as moto's Lambda has them configured, each from the asset that the template names. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { listen } from '../../../local/listen.ts';
import type { Cloud } from './cloud.ts';

const RUNNER = fileURLToPath(new URL('function-process.ts', import.meta.url));

export interface Answer {
  // biome-ignore lint/suspicious/noExplicitAny: each function answers with a type of its own.
  Payload: any;
  FunctionError?: string;
}

/** Invoked by ARN, or by the name of its verb. */
export class DeployedFunctions {
  readonly #processes = new Map<string, FunctionProcess>();
  readonly #verbs = new Map<string, string>();

  /** @param scratch Stands for the mount and for `/tmp`: all functions share one cache, as on AWS. */
  start({ report, resources, assembly, moto }: Cloud, scratch: string): void {
    for (const [logicalId, { Type, Properties }] of Object.entries(resources)) {
      if (Type !== 'AWS::Lambda::Function') continue;
      const verb = /^Functions([A-Za-z]+?)[0-9A-F]{8}$/.exec(logicalId)?.[1] ?? logicalId;
      const hash = /[0-9a-f]{64}/.exec(JSON.stringify(Properties.Code))?.[0];
      const bundle = join(assembly.directory, `asset.${hash}`, 'index.mjs');
      if (!existsSync(bundle)) throw new Error(`The assembly has no bundle for ${verb}.`);
      const deployed = report.functions[logicalId];
      if (deployed === undefined) throw new Error(`moto has no function ${logicalId}.`);
      this.#verbs.set(deployed.arn, verb);
      const environment = {
        ...deployed.environment,
        PATH: process.env.PATH ?? '',
        // What Lambda and the network give.
        ...{ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
        ...{ AWS_ENDPOINT_URL: moto.url, AWS_ENDPOINT_URL_S3: moto.url },
        ...{ CACHE_DIRECTORY: join(scratch, 'cache'), WORK_DIRECTORY: join(scratch, 'work') },
      };
      this.#processes.set(verb, new FunctionProcess(bundle, environment));
    }
  }

  invoke(which: string, payload: unknown): Promise<Answer> {
    const found = this.#processes.get(this.#verbs.get(which) ?? which);
    if (found === undefined) throw new Error(`There is no function ${which}.`);
    return found.invoke(payload);
  }

  /** All that the functions wrote to standard output. */
  output(): string {
    return [...this.#processes.values()].map((each) => each.output).join('');
  }

  stop(): void {
    for (const each of this.#processes.values()) each.stop();
  }
}

class FunctionProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (error: Error) => void }>();
  #calls = 0;
  output = '';

  constructor(bundle: string, env: Record<string, string>) {
    this.#child = spawn(process.execPath, [RUNNER, bundle], { env, stdio: ['pipe', 'pipe', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
      });
    }
    createInterface({ input: this.#child.stdio[3] as Readable }).on('line', (line) => {
      const { id, ...answer } = JSON.parse(line) as Answer & { id: number };
      this.#waiting.get(id)?.resolve(answer);
      this.#waiting.delete(id);
    });
    this.#child.once('exit', (code) => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`It ended with ${code}: ${this.output}`));
    });
  }

  invoke(payload: unknown): Promise<Answer> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.stdin?.write(`${JSON.stringify({ id, payload })}\n`);
    });
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}

/** Answers for Lambda's Invoke, over HTTP, with the deployed functions. */
export async function startBridge(functions: DeployedFunctions): Promise<{ url: string; close(): void }> {
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += chunk;
    const { function: arn, payload } = JSON.parse(body) as { function: string; payload: unknown };
    response.end(JSON.stringify(await functions.invoke(arn, payload)));
  });
  const port = await listen(server, 'The bridge', 0, 'retry');
  return { url: `http://127.0.0.1:${port}`, close: () => server.closeAllConnections() ?? server.close() };
}
