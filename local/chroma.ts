/** `npm run chroma -- <dir>`: runs the Chroma server that the compactor uses on a checkout until Ctrl-C. */
import { spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { locateEngine } from '../lambdas/adapters/chroma/locator.ts';
import { script, wholeNumber } from './script.ts';

const HOST = '127.0.0.1';
const POLL_MS = 50;

const program = script('npm run chroma --', 'Serves a checkout by the Chroma that the compactor uses, until Ctrl-C.', [
  'npm run chroma -- ./pets',
])
  .argument('<dir>', 'that compactor checkout has written')
  .option('--port <port>', 'to listen on', wholeNumber(0), 8_000)
  .parse();
const { port } = program.opts<{ port: number }>();
const path = resolve(program.args[0] ?? '');
if ((await stat(`${path}/chroma.sqlite3`).catch(() => undefined)) === undefined) {
  program.error(`error: ${path} is no directory that compactor checkout has written`);
}
const { command, args, identity } = await locateEngine();
const server = spawn(command, [...args, 'run', '--path', path, '--host', HOST, '--port', String(port)], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
server.once('exit', (code) => process.exit(code ?? 0));
// Newer servers do not exit on SIGTERM, and a kill loses nothing, since nothing is written.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => server.kill('SIGKILL'));
const url = `http://${HOST}:${port}`;
while (
  !(await fetch(`${url}/api/v2/heartbeat`).then(
    ({ ok }) => ok,
    () => false,
  ))
)
  await sleep(POLL_MS);
process.stdout.write(`${identity.name} ${identity.version} serves ${path} on ${url}; stop it with Ctrl-C.\n`);
