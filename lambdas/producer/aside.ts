/** What operators can do with deltas that were set aside: list them, read them, submit them again, discard them. */

import { InvalidInputError, ObjectNotFoundError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { sha256 as digest } from '../snapshot/blocks.ts';
import { asidePrefix, checkDeltaId, parseAsideKey } from '../snapshot/keys.ts';
import { putDelta } from './put-delta.ts';

export interface AsideDelta {
  deltaId: string;
  /** Digest of its content, hex. */
  sha256: string;
  key: string;
  /** Bytes. */
  size: number;
  etag: string;
  /** Milliseconds since the epoch, by the store's clock. */
  keptAt: number;
}

/** In the order of their keys; only those of one delta if one is named. @throws StoreUnavailableError */
export async function listAside(
  ports: Pick<Ports, 'store'>,
  collection: string,
  deltaId?: string,
): Promise<AsideDelta[]> {
  const prefix =
    deltaId === undefined ? asidePrefix(collection) : `${asidePrefix(collection)}${checkDeltaId(deltaId)}~`;
  const found: AsideDelta[] = [];
  for await (const page of ports.store.list(prefix)) {
    for (const { key, size, etag, lastModified: keptAt } of page) {
      const parsed = parseAsideKey(key);
      if (parsed !== undefined) {
        found.push({ deltaId: parsed.deltaId, sha256: parsed.sha256, key, size, etag, keptAt });
      }
    }
  }
  return found;
}

/** The one under this id. @throws InvalidInputError (there is none, or several because the id's status had expired) */
export async function findAside(ports: Pick<Ports, 'store'>, collection: string, deltaId: string): Promise<AsideDelta> {
  const [found, ...others] = await listAside(ports, collection, deltaId);
  if (found !== undefined && others.length === 0) return found;
  throw new InvalidInputError(
    found === undefined
      ? `No delta "${deltaId}" of "${collection}" is set aside. See: compactor aside ${collection}.`
      : `"${deltaId}" of "${collection}" was set aside ${others.length + 1} times, with other content each time: take the objects below ${asidePrefix(collection)} by hand.`,
  );
}

/** @throws ObjectNotFoundError, PreconditionFailedError, StoreUnavailableError */
export async function readAside(ports: Pick<Ports, 'store'>, { key, etag }: AsideDelta): Promise<Uint8Array> {
  return (await ports.store.get(key, { ifMatch: etag })).body;
}

/**
 * Its id stays decided, so the content is submitted under a new id that is derived from both: repeating this submits
 * the same delta, which counts once. Afterwards the kept content is deleted; if the delta is set aside again, it is
 * kept again.
 * @throws CollectionNotFoundError, KeyCollisionError, StoreUnavailableError
 */
export async function retryAside(
  ports: Pick<Ports, 'store' | 'clock' | 'ids'>,
  collection: string,
  aside: AsideDelta,
): Promise<{ deltaId: string; sha256: string }> {
  const body = await readAside(ports, aside);
  const sent = await putDelta(ports, { collection, deltaId: retryId(aside), body });
  await discardAside(ports, aside);
  return sent;
}

/** Discard the kept content. @throws PreconditionFailedError, StoreUnavailableError */
export async function discardAside(ports: Pick<Ports, 'store'>, { key, etag }: AsideDelta): Promise<void> {
  await ports.store.deleteIfMatch(key, etag).catch((error: unknown) => {
    if (!(error instanceof ObjectNotFoundError)) throw error;
  });
}

function retryId({ deltaId, sha256 }: Pick<AsideDelta, 'deltaId' | 'sha256'>): string {
  return `again-${digest(Buffer.from(`${deltaId}\n${sha256}`)).slice(0, 32)}`;
}
