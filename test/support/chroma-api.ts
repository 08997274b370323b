/** Chroma's own HTTP API, for tests that ask a server past everything of ours. */
import { HOST } from '../../lambdas/adapters/chroma/free-port.ts';

export const API = '/api/v2';
export const DATABASE = `${API}/tenants/default_tenant/databases/default_database`;
export const COLLECTIONS = `${DATABASE}/collections`;

/** Far more than any server takes to start: the machine may have other things to do, and only a hang should end here. */
export const START_MS = 300_000;

export function collectionsUrl({ port }: { port: number }): string {
  return `http://${HOST}:${port}${COLLECTIONS}`;
}
