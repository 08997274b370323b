import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { isIPv6 } from 'node:net';
import type { Command } from 'commander';
import { Option } from 'commander';
import { fixedToken, type TokenSource } from '../../lambdas/endpoint/token.ts';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import { serveEndpoint } from '../../lambdas/runtime/serve.ts';
import { READ_LEVELS, type ReadLevel } from '../../lambdas/serving/looks.ts';
import { checkPort, listenOn } from '../../local/listen.ts';
import { withTarget } from '../command.ts';
import { ServeLog } from '../serve-log.ts';

interface Options {
  port: number;
  host: string;
  readLevel: ReadLevel;
  allowReset: boolean;
  tokenFile?: string;
}

const LOOPBACK = '127.0.0.1';
const REMEDY = 'choose another one by --port';

/** `compactor serve`: Chroma's HTTP API over the store, until it is interrupted. */
export function serve(program: Command): void {
  const command = program
    .command('serve')
    .description("serve Chroma's HTTP API over the store")
    .option('--port <n>', 'port to listen on; 0 takes a free one', Number, 8_000)
    .option(
      '--host <address>',
      'address to listen on; any but a loopback address is open to whoever can reach it',
      LOOPBACK,
    )
    .addOption(
      new Option('--read-level <level>', 'what reads reflect').choices([...READ_LEVELS]).default('index_and_wal'),
    )
    .option('--allow-reset', 'let clients delete everything', false)
    .option(
      '--token-file <path>',
      'ask clients for the token in this file; default: COMPACTOR_ENDPOINT_TOKEN, if it is set',
    )
    .addHelpText('after', '\nExample:\n  compactor serve --port 8000 --read-level index_and_wal');
  withTarget<[Options]>(
    command,
    async ({ target, output }, { port, host, readLevel, allowReset, tokenFile }) => {
      checkPort(port, '--port');
      const token = await readToken(tokenFile);
      const log = new ServeLog();
      const ports = { ...target.ports, telemetry: log };
      const { server, close } = await serveEndpoint(ports, { readLevel, allowReset }, token);
      try {
        const taken = await listenOn(host, server, 'The endpoint', port, REMEDY);
        const url = `http://${isIPv6(host) ? `[${host}]` : host}:${taken}`;
        output.result({ url, readLevel }, `Chroma's API is served on ${url}; stop it with Ctrl-C.`);
        await interrupted();
      } finally {
        await close();
        log.flush();
      }
    },
    { changes: true, runsOn: true },
  );
}

async function readToken(file: string | undefined): Promise<TokenSource | undefined> {
  const given = file === undefined ? process.env.COMPACTOR_ENDPOINT_TOKEN : await readFile(file, 'utf8');
  if (given === undefined) return undefined;
  const token = given.trim();
  if (token !== '') return fixedToken(token);
  throw new InvalidInputError(`The token in ${file ?? 'COMPACTOR_ENDPOINT_TOKEN'} is empty: write one into it.`);
}

async function interrupted(): Promise<void> {
  const stop = new AbortController();
  const signals = ['SIGINT', 'SIGTERM'].map((signal) => once(process, signal, { signal: stop.signal }).catch(() => {}));
  await Promise.race(signals);
  stop.abort();
}
