/** A client of Chroma's HTTP API, version 2: of a plain server, and of our endpoint, with the same bytes. */
import { PRESETS, type Preset } from '../network/model.ts';
import { Network } from '../network/network.ts';
import { type Client, NEIGHBOURS, recordsOf, SERVER_MS } from './peer.ts';

const DATABASE = '/api/v2/tenants/default_tenant/databases/default_database/collections';

export interface HttpAddress {
  url: string;
  collection: string;
  /** Records before the first write. */
  base: number;
  preset: Preset;
  /** Does it have `read_level`? */
  hasLevels: boolean;
  /** Which call writes. Default: one that may be repeated with other content. */
  call?: 'add' | 'upsert';
}

export async function openHttpClient({
  url,
  collection,
  base,
  preset,
  hasLevels,
  call = 'upsert',
}: HttpAddress): Promise<Client> {
  const network = new Network(PRESETS[preset]);
  const ask = <Answer>(method: string, path: string, body?: unknown): Promise<Answer> =>
    network.request({ latencyMs: SERVER_MS[preset] }, async () => {
      const init = body === undefined ? {} : { body: JSON.stringify(body) };
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${url}${DATABASE}${path}`, { method, headers, ...init });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 200)}`);
      return JSON.parse(text) as Answer;
    });
  const { id } = await ask<{ id: string }>('GET', `/${collection}`);
  const query = async (vector: readonly number[], year?: number, level = ''): Promise<string[]> => {
    const where = year === undefined ? {} : { where: { year } };
    const body = { query_embeddings: [vector], n_results: NEIGHBOURS, include: ['documents', 'metadatas'], ...where };
    return (await ask<{ ids: string[][] }>('POST', `/${id}/query${level}`, body)).ids[0] ?? [];
  };
  return {
    write: async (n) => {
      const records = recordsOf(base, n);
      await ask('POST', `/${id}/${call}`, {
        ids: records.map((record) => record.id),
        embeddings: records.map(({ embedding }) => base64Of(embedding)),
        metadatas: records.map(({ metadata }) => metadata),
        documents: records.map(({ document }) => document),
      });
    },
    present: async (ids) => new Set((await ask<{ ids: string[] }>('POST', `/${id}/get`, { ids, include: [] })).ids),
    query: (vector, year) => query(vector, year),
    ...(hasLevels && { queryIndex: (vector, year) => query(vector, year, '?read_level=index_only') }),
    close: async () => {},
  };
}

/** As Chroma's own clients send embeddings to a server that takes it. */
function base64Of(numbers: readonly number[]): string {
  return Buffer.from(Float32Array.from(numbers).buffer).toString('base64');
}
