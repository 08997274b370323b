/** The producer of docs/how-to/submit-from-python.md, as it is printed there, with boto3: what it makes of S3's answers. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { describeWith, pythonRuntime } from '../runtimes.ts';

const PAGE = readFileSync(new URL('../../../docs/how-to/submit-from-python.md', import.meta.url), 'utf8');
const PROGRAM = /```python\n(.*?)```/s.exec(PAGE)?.[1] ?? '';
const ERRORS: Record<number, string> = {
  409: 'ConditionalRequestConflict',
  412: 'PreconditionFailed',
  403: 'AccessDenied',
};

describeWith('the producer in Python', await pythonRuntime(), (bin) => {
  /** A store that gives these answers in turn. */
  async function play(answers: number[]): Promise<{ failed: boolean; puts: string[]; conditions: Set<unknown> }> {
    const puts: string[] = [];
    const conditions = new Set<unknown>();
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      puts.push(body);
      conditions.add(request.headers['if-none-match']);
      const status = answers[puts.length - 1] ?? 500;
      const code = ERRORS[status];
      response.writeHead(status, { 'content-type': 'application/xml' });
      response.end(code === undefined ? '' : `<Error><Code>${code}</Code><Message>as told</Message></Error>`);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const env = {
      ...process.env,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
      AWS_DEFAULT_REGION: 'us-east-1',
      // boto3's own retries know nothing of this conflict, and would only hide what the page does.
      AWS_MAX_ATTEMPTS: '1',
    };
    try {
      await promisify(execFile)(join(bin, 'python'), ['-c', PROGRAM], { env });
      return { failed: false, puts, conditions };
    } catch {
      return { failed: true, puts, conditions };
    } finally {
      server.closeAllConnections();
      server.close();
    }
  }

  it.each([
    ['stored at once', [200], false],
    ['there already', [412], false],
    ['in conflict with another write, and then stored', [409, 409, 200], false],
    ['in conflict with another write, which stored it', [409, 412], false],
    ['in conflict for ever', [409, 409, 409, 409, 409, 409], true],
    ['refused', [403], true],
  ])('a delta that is %s: %j', async (_, answers, fails) => {
    const { failed, puts, conditions } = await play(answers);

    expect(failed).toBe(fails);
    expect(puts).toHaveLength(answers.length);
    expect(new Set(puts).size).toBe(1);
    expect(conditions).toEqual(new Set(['*']));
  });
});
