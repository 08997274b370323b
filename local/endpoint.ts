/**
 * The endpoint of Chroma's API beside the local stack. The stack also runs without it; the reason is reported in one
 * line.
 */
import { CompactorError } from '../lambdas/errors/errors.ts';
import type { Ports } from '../lambdas/ports.ts';
import { type ServedEndpoint, serveEndpoint } from '../lambdas/runtime/serve.ts';
import { listen } from './listen.ts';

export interface LocalEndpoint {
  /** `undefined` if it is not served. */
  url: string | undefined;
  /** Why it is not served, and what to do about it. */
  reason: string;
  close(): Promise<void>;
}

/** @param port 0 takes a free one. */
export async function startEndpoint(ports: Ports, port: number): Promise<LocalEndpoint> {
  let served: ServedEndpoint | undefined;
  try {
    served = await serveEndpoint(ports, { readLevel: 'index_and_wal', allowReset: false });
    const taken = await listen(served.server, "Chroma's API", port, 'choose another one by --endpoint-port');
    return { url: `http://127.0.0.1:${taken}`, reason: '', close: served.close };
  } catch (error) {
    await served?.close();
    if (!(error instanceof CompactorError)) throw error;
    return { url: undefined, reason: error.message.replaceAll('\n', ' '), close: async () => {} };
  }
}
