/** `npm run chroma -- <dir>`: runs the Chroma server that the compactor uses on a checkout until Ctrl-C. */
import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { locateEngine } from '../lambdas/adapters/chroma/locator.ts';

const HOST = '127.0.0.1';
const POLL_MS = 50;

const { values, positionals } = parseArgs({
  options: { port: { type: 'string', default: '8000' } },
  allowPositionals: true,
});
const path = resolve(positionals[0] ?? '');
const isCheckout = await stat(`${path}/chroma.sqlite3`).catch(() => undefined);
if (positionals.length !== 1 || isCheckout === undefined) {
  process.stderr.write(
    'Name one directory that compactor checkout has written: npm run chroma -- <dir> [--port 8000]\n',
  );
  process.exit(2);
}
const { command, args, identity } = await locateEngine();
const server = spawn(command, [...args, 'run', '--path', path, '--host', HOST, '--port', values.port], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
server.once('exit', (code) => process.exit(code ?? 0));
// Newer servers do not exit on SIGTERM, and a kill loses nothing, since nothing is written.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.kill('SIGKILL'));
const url = `http://${HOST}:${values.port}`;
while (
  !(await fetch(`${url}/api/v2/heartbeat`).then(
    ({ ok }) => ok,
    () => false,
  ))
)
  await sleep(POLL_MS);
process.stdout.write(`${identity.name} ${identity.version} serves ${path} on ${url}; stop it with Ctrl-C.\n`);
