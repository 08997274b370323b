/** An endpoint as an HTTP server of this process. */
import { once } from 'node:events';
import type { Server } from 'node:http';
import { createAdaptorServer } from '@hono/node-server';
import { ChromaApiEngine } from '../adapters/chroma/api-engine.ts';
import { createApp } from '../endpoint/app.ts';
import { Endpoint, type EndpointOptions } from '../endpoint/endpoint.ts';
import { createFront } from '../endpoint/front.ts';
import type { TokenSource } from '../endpoint/token.ts';
import type { Ports } from '../ports.ts';

export interface ServedEndpoint {
  /** Not listening yet. */
  server: Server;
  /** Wait for requests in flight, then stop every Chroma server. */
  close(): Promise<void>;
}

/**
 * @param token Who may ask. Default: everybody who can reach the server.
 * @throws ConfigurationError, UnsafeStoreError, EngineUnavailableError, StoreUnavailableError
 */
export async function serveEndpoint(
  ports: Ports,
  options: EndpointOptions,
  token?: TokenSource,
): Promise<ServedEndpoint> {
  const endpoint = await Endpoint.start({ ...ports, api: new ChromaApiEngine() }, options);
  const app = createApp(endpoint);
  const front = createFront({ app: () => app, token, telemetry: ports.telemetry });
  const server = createAdaptorServer({ fetch: front.fetch }) as Server;
  // A client that disconnects must not end the process.
  server.on('clientError', (_error, socket) => socket.destroy());
  const close = async () => {
    if (server.listening) {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      await closed;
    }
    await endpoint.close();
  };
  return { server, close };
}
