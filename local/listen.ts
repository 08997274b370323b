/**
 * The one place where `local/` listens: on this machine only, refusing foreign web pages, and with advice when a port
 * cannot be opened.
 */
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
 * Listen on loopback. Requests of foreign pages are refused before they reach the server.
 * @param server with its listeners for `request`
 * @param who for the error, e.g. `Step Functions`
 * @param port 0 takes a free one.
 * @param remedy how to choose another port
 * @returns the port
 * @throws ConfigurationError (the port is in use, not allowed, or invalid)
 */
export async function listen(server: Server, who: string, port: number, remedy: string): Promise<number> {
  refuseForeignPages(server);
  return bind(server, LOOPBACK, who, port, remedy);
}

/**
 * The same on an address of the caller's choice. If it is not a loopback address, requests of foreign pages are not
 * refused, since any host name may lead to it.
 * @throws ConfigurationError (as above; or the machine has no such address)
 */
export async function listenOn(
  host: string,
  server: Server,
  who: string,
  port: number,
  remedy: string,
): Promise<number> {
  // The actual address, not the name, decides whether to guard. It is known before any request is handled.
  server.once('listening', () => {
    if (isLoopback((server.address() as AddressInfo).address)) refuseForeignPages(server);
  });
  return bind(server, host, who, port, remedy);
}

/**
 * To be called before anything is started for the port. @throws InvalidInputError (not a port; 0 stands for a free one)
 */
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
