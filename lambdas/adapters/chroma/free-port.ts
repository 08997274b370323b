/** Ports for servers that are about to start. */
import { createServer, type ListenOptions, type Server } from 'node:net';
import { EngineUnavailableError } from '../../errors/errors.ts';

export const HOST = '127.0.0.1';

/**
 * A port that is free now, and that no other process of ours takes before `free`. Without the reservation two servers
 * that start together could draw the same port, and one would take the other's heartbeat for its own server's.
 */
export async function reservePort(): Promise<{ port: number; free: () => void }> {
  for (;;) {
    const probe = await listen({ host: HOST, port: 0 });
    const address = probe?.address();
    if (probe === undefined || address === null || typeof address !== 'object') {
      throw new EngineUnavailableError(`No free port on ${HOST} for a Chroma server. Free some ports, then retry.`);
    }
    const port = address.port;
    await new Promise((resolve) => probe.close(resolve));
    // Linux frees an abstract socket together with its owner, however that one dies.
    if (process.platform !== 'linux') return { port, free: () => {} };
    const reservation = await listen({ path: `\0chroma-compactor-port-${port}` });
    if (reservation !== undefined) return { port, free: () => reservation.close() };
  }
}

function listen(options: ListenOptions): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer().unref();
    server.once('error', () => resolve(undefined));
    server.listen({ ...options, exclusive: true }, () => resolve(server));
  });
}
