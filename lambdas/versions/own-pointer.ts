/** The pointer, for writers, and the identity of the table that it belongs to. */
import { both } from '../concurrency/both.ts';
import { ForeignStoreError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import type { ReadPointer } from '../protocol/pointer.ts';
import { decodeAddress, encodeAddress, isOwnTable } from '../protocol/table-address.ts';
import { readPointer } from './read-pointer.ts';

/**
 * The pointer, for writers. Its `statusTable` is our own table with its identity, as the next write must state it: this
 * is how a pointer without an identity acquires one.
 * @throws ForeignStoreError, TableUnavailableError, and what `readPointer` throws
 */
export async function readOwnPointer(
  ports: Pick<Ports, 'store' | 'statuses'>,
  collection: string,
): Promise<ReadPointer> {
  const { statuses } = ports;
  const name = statuses.tableName;
  const [{ pointer, etag }, seen] = await both(readPointer(ports, collection), statuses.readIdentity());
  const { statusTable } = pointer;
  // The table gets its identity before the pointer does; we read them in the other order, so there may be one by now.
  const identity = seen ?? (decodeAddress(statusTable).identity && (await statuses.readIdentity()));
  const own = { name, identity };
  if (!isOwnTable(statusTable, own)) {
    throw new ForeignStoreError(
      `Collection "${collection}" in ${ports.store.url} belongs to table "${statusTable}", this stack uses ` +
        `"${encodeAddress(own)}". Two stacks on one store would apply deltas twice: use a store of your own. Only if ` +
        `that table is gone for good: compactor adopt ${collection} --from "${statusTable}".`,
    );
  }
  return { pointer: { ...pointer, statusTable: encodeAddress(own) }, etag };
}

/**
 * The address of our own table, with its identity. A table without an identity is given one.
 * @param address As `readOwnPointer` returns it.
 * @throws TableUnavailableError
 */
export async function withIdentity(ports: Pick<Ports, 'ids' | 'statuses'>, address: string): Promise<string> {
  return decodeAddress(address).identity === undefined ? ownAddress(ports) : address;
}

/** @throws TableUnavailableError */
export async function ownAddress({ ids, statuses }: Pick<Ports, 'ids' | 'statuses'>): Promise<string> {
  // A ULID: eighty of its bits are random.
  return encodeAddress({ name: statuses.tableName, identity: await statuses.ensureIdentity(ids.ulid()) });
}
