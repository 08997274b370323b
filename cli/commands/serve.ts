import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Command } from 'commander';
import { Option } from 'commander';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import { serveEndpoint } from '../../lambdas/runtime/serve.ts';
import { READ_LEVELS, type ReadLevel } from '../../lambdas/serving/looks.ts';
import { listen, listenEverywhere } from '../../local/listen.ts';
import { withTarget } from '../command.ts';
import { ServeLog } from '../serve-log.ts';

interface Options {
  port: number;
  host: string;
  readLevel: ReadLevel;
  allowReset: boolean;
}

const LOOPBACK = ['127.0.0.1', 'localhost'];
const MAX_PORT = 65_535;
const REMEDY = 'choose another one by --port';

/** `compactor serve`: Chroma's HTTP API over the store, until it is interrupted. */
export function serve(program: Command): void {
  const command = program
    .command('serve')
    .description("serve Chroma's HTTP API over the store")
    .option('--port <n>', 'port to listen on; 0 takes a free one', Number, 8_000)
    .option(
      '--host <address>',
      'address to listen on; others than loopback are open to whoever reaches them',
      LOOPBACK[0],
    )
    .addOption(
      new Option('--read-level <level>', 'what reads reflect').choices([...READ_LEVELS]).default('index_and_wal'),
    )
    .option('--allow-reset', 'let clients delete everything', false)
    .addHelpText('after', '\nExample:\n  compactor serve --port 8000 --read-level index_and_wal');
  withTarget<[Options]>(command, async ({ target, output }, { port, host, readLevel, allowReset }) => {
    checkPort(port);
    const log = new ServeLog();
    const { server, close } = await serveEndpoint({ ...target.ports, telemetry: log }, { readLevel, allowReset });
    try {
      const url = `http://${host}:${await open(server, host, port)}`;
      output.result({ url, readLevel }, `Chroma's API is served on ${url}; stop it with Ctrl-C.`);
      await interrupted();
    } finally {
      await close();
      log.flush();
    }
  });
}

/** Before anything is started for it. */
function checkPort(port: number): void {
  if (Number.isInteger(port) && port >= 0 && port <= MAX_PORT) return;
  throw new InvalidInputError(`--port must be a whole number from 0 to ${MAX_PORT}.`);
}

function open(server: Server, host: string, port: number): Promise<number> {
  if (LOOPBACK.includes(host)) return listen(server, 'The endpoint', port, REMEDY);
  return listenEverywhere(server, host, 'The endpoint', port, REMEDY);
}

async function interrupted(): Promise<void> {
  const stop = new AbortController();
  const signals = ['SIGINT', 'SIGTERM'].map((signal) => once(process, signal, { signal: stop.signal }).catch(() => {}));
  await Promise.race(signals);
  stop.abort();
}
