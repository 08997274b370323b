/**
 * What answers for a collection: a server on a copy of its snapshot, or a place on the server that all small ones
 * share.
 */

import { CorruptObjectError, EngineUnavailableError } from '../errors/errors.ts';
import type {
  ApiAnswer,
  ApiEngine,
  ApiServer,
  CollectionShape,
  EngineSession,
  Ports,
  WorkingDirectory,
} from '../ports.ts';
import { parseExact, stringifyExact } from '../snapshot/exact-json.ts';
import type { LoadedManifest } from '../versions/load-manifest.ts';
import { refuseOlder } from '../versions/refuse-older.ts';

export type ServingPorts = Ports & { api: ApiEngine };

export const COLLECTIONS = '/api/v2/tenants/default_tenant/databases/default_database/collections';

/** Fewer than Chroma takes in one request. */
const REMOVED_AT_ONCE = 1_000;

/** The settings of a collection that its server needs, as JSON texts. */
export interface Settings {
  collection: string;
  configuration: string;
  schema: string;
}

export interface Target {
  server: ApiServer;
  /** A session on this collection, which is already open. */
  session: EngineSession;
  /** The path on the server to which the collection's requests go. */
  path: string;
  close(): Promise<void>;
}

/** Creates an empty place on the shared server. @param name A name that nothing else has there. */
export async function openShared(
  server: ApiServer,
  { collection, schema }: Settings,
  name: string,
  shape: CollectionShape | undefined,
): Promise<Target> {
  const body = `{"name":${JSON.stringify(name)},"schema":${schema}}`;
  const path = `${COLLECTIONS}/${idIn(await server.send({ method: 'POST', path: COLLECTIONS, body }), collection)}`;
  const close = () => removeShared(server, path, name).catch(() => {});
  const session = server.session();
  try {
    if (shape !== undefined) await session.useCollection(name, shape);
    return { server, session, path, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Deletes the records first: a Chroma server that drops a collection keeps the lists in the metadata of its records,
 * and later shows them in whichever records, even of other collections, are stored in their places.
 */
async function removeShared(server: ApiServer, path: string, name: string): Promise<void> {
  const { status, body } = await server.send({ method: 'POST', path: `${path}/get`, body: '{"include":[]}' });
  const { ids } = status === 200 ? (JSON.parse(body) as { ids: string[] }) : { ids: [] };
  for (let from = 0; from < ids.length; from += REMOVED_AT_ONCE) {
    const some = JSON.stringify({ ids: ids.slice(from, from + REMOVED_AT_ONCE) });
    await server.send({ method: 'POST', path: `${path}/delete`, body: some });
  }
  await server.send({ method: 'DELETE', path: `${COLLECTIONS}/${name}` });
}

/** Starts a server of its own, on a copy of a directory that holds the version. */
export async function openCopy(
  { api, directories, telemetry }: ServingPorts,
  loaded: LoadedManifest,
  pristine: WorkingDirectory,
  settings: Settings,
): Promise<Target> {
  const { collection, records, version } = loaded.manifest;
  refuseOlder((await api.identify()).version, loaded);
  const directory = await directories.replicate(collection, pristine);
  let server: ApiServer | undefined;
  const close = async () => {
    await server?.close();
    await directory.release().catch((error: unknown) => {
      telemetry.warn('A copy could not be removed.', { collection, reason: String(error) });
    });
  };
  try {
    server = await api.serve(directory);
    const session = server.session();
    await session.useCollection(collection, loaded.manifest);
    const counted = await session.count();
    if (counted !== records) {
      throw new CorruptObjectError(
        `Version ${version} of "${collection}" answers with ${counted} records, not ${records}. Verify it: compactor ` +
          `verify ${collection} --deep.`,
      );
    }
    const path = `${COLLECTIONS}/${idIn(await server.send({ method: 'GET', path: `${COLLECTIONS}/${collection}` }), collection)}`;
    await configure({ telemetry }, { server, path }, settings);
    return { server, session, path, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * Applies the settings that can change, because a snapshot has those of the time when it was made.
 * @throws EngineUnavailableError. If an engine refuses the settings, it continues with its own: they only affect how it
 * searches.
 */
export async function configure(
  { telemetry }: Pick<Ports, 'telemetry'>,
  { server, path }: Pick<Target, 'server' | 'path'>,
  { collection, configuration }: Settings,
): Promise<void> {
  const { hnsw } = parseExact(configuration) as { hnsw: Record<string, unknown> | null };
  if (hnsw === null || hnsw === undefined) return;
  const changing = ['ef_search', 'resize_factor', 'sync_threshold', 'max_neighbors'].filter((name) => name in hnsw);
  const values = Object.fromEntries(changing.map((name) => [name, hnsw[name]]));
  const body = stringifyExact({ new_configuration: { hnsw: values } });
  const answer = await server.send({ method: 'PUT', path, body });
  if (answer.status < 300) return;
  const said = `${answer.status}: ${answer.body.slice(0, 300)}`;
  if (answer.status >= 500)
    throw new EngineUnavailableError(`The settings of "${collection}" were not taken: ${said}.`);
  telemetry.warn('The engine refuses settings of a collection.', { collection, reason: said });
}

function idIn({ status, body }: ApiAnswer, collection: string): string {
  const { id } = status === 200 ? (JSON.parse(body) as { id?: unknown }) : {};
  if (typeof id === 'string') return id;
  throw new EngineUnavailableError(
    `The engine does not serve "${collection}": it answered ${status}: ${body.slice(0, 300)}. Send the request again.`,
  );
}
