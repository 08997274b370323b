/** Listening on this machine alone, and what to do when a port cannot be had. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ConfigurationError } from '../lambdas/protocol/errors.ts';

const LOOPBACK = '127.0.0.1';
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'another program uses it, perhaps a local stack that still runs. Stop that',
  EACCES: 'this user may not. Choose one above 1023',
  ERR_SOCKET_BAD_PORT: 'it is no port. Give a whole number from 0 to 65535',
};

/**
 * @param who For the error, e.g. `Step Functions`.
 * @param port 0 takes a free one.
 * @param remedy How another port is chosen.
 * @returns the port
 * @throws ConfigurationError (the port is in use, not allowed, or none)
 */
export async function listen(server: Server, who: string, port: number, remedy: string): Promise<number> {
  try {
    server.listen(port, LOOPBACK);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  } catch (error) {
    const reason = REASONS[(error as NodeJS.ErrnoException).code ?? ''];
    if (reason === undefined) throw error;
    throw new ConfigurationError(`${who} cannot listen on ${LOOPBACK}, port ${port}: ${reason}, or ${remedy}.`, {
      cause: error,
    });
  }
}
