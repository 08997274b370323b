/** Listening on this machine alone, for no foreign page, and what to do when a port cannot be had: the one door of `local/`. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigurationError, InvalidInputError } from '../lambdas/errors/errors.ts';
import { isLoopback, refuseForeignPages } from './loopback-guard.ts';

const LOOPBACK = '127.0.0.1';
const MAX_PORT = 65_535;
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses it, perhaps a local stack that still runs. Stop that',
  EADDRNOTAVAIL: 'this machine has no such address. Give one of its own',
  EACCES: 'this user may not. Choose one above 1023',
  ERR_SOCKET_BAD_PORT: 'it is no port. Give a whole number from 0 to 65535',
};

/**
 * Requests that a foreign page sent are refused before the server hears of them.
 * @param server With its listeners of `request`.
 * @param who For the error, e.g. `Step Functions`.
 * @param port 0 takes a free one.
 * @param remedy How another port is chosen.
 * @returns the port
 * @throws ConfigurationError (the port is in use, not allowed, or none)
 */
export async function listen(server: Server, who: string, port: number, remedy: string): Promise<number> {
  refuseForeignPages(server);
  return bind(server, LOOPBACK, who, port, remedy);
}

/**
 * The same on an address of one's own choice. On one that is not of loopback without the guard: any name may lead there.
 * @throws ConfigurationError (as above; or the machine has no such address)
 */
export async function listenOn(
  host: string,
  server: Server,
  who: string,
  port: number,
  remedy: string,
): Promise<number> {
  // The address, and not its name, says who can reach it; no request is heard before.
  server.once('listening', () => {
    if (isLoopback((server.address() as AddressInfo).address)) refuseForeignPages(server);
  });
  return bind(server, host, who, port, remedy);
}

/** Before anything is started for it. @throws InvalidInputError (no port; 0 is one that is free) */
export function checkPort(port: number, option: string): void {
  if (Number.isInteger(port) && port >= 0 && port <= MAX_PORT) return;
  throw new InvalidInputError(`${option} must be a whole number from 0 to ${MAX_PORT}.`);
}

async function bind(server: Server, host: string, who: string, port: number, remedy: string): Promise<number> {
  try {
    server.listen(port, host);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  } catch (error) {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
    if (reason === undefined) throw error;
    throw new ConfigurationError(`${who} cannot listen on ${host}, port ${port}: ${reason}, or ${remedy}.`, {
      cause: error,
    });
  }
}
