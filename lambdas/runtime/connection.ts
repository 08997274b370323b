/** What an application can do with a store, its table and its state machine, without seeing the ports. */
import type { Ports, Space } from '../ports.ts';
import {
  type DeltaToSubmit,
  type Submitted,
  submitDelta,
  type WaitOptions,
  waitForDelta,
} from '../producer/produce-delta.ts';
import { executionName } from '../protocol/names.ts';
import { type ReaderOptions, SnapshotReader } from '../reader/snapshot-reader.ts';
import { checkCollection } from '../snapshot/keys.ts';
import type { DeltaStatus } from '../snapshot/ledger.ts';
import { createCollection } from '../upkeep/create-collection.ts';

/** Needs only the store. */
export interface StoreConnection {
  /**
   * Put operations into the inbox, all or none: nothing is sent if one of them is malformed. The same operations under
   * the same id are sent once, however often this is called.
   * @throws InvalidInputError (which operation, counting from 1, and why), CollectionNotFoundError, KeyCollisionError
   * (other content waits under this id), StoreUnavailableError
   */
  submit(delta: DeltaToSubmit): Promise<Submitted>;
  /**
   * Hydrate the current version of a collection, and start a server on it.
   * @throws CollectionNotFoundError, CorruptObjectError, EngineTooOldError, EngineUnavailableError, DiskFullError,
   * StoreUnavailableError
   */
  openReader(collection: string, options?: ReaderOptions): Promise<SnapshotReader>;
}

export interface NewCollection {
  /** Numbers per embedding, 1 to 65,536. */
  dimension: number;
  /** Default: `cosine`. */
  space?: Space;
}

/** Also needs the table. */
export interface TableConnection {
  /**
   * Wait until a delta is decided: `applied`, perhaps with some operations rejected, or `rejected`. With `timeoutMs: 0`
   * it checks once.
   * @returns `undefined` after the time-out; the delta stays in the inbox
   * @throws KeyCollisionError (its id was decided for other content), TableUnavailableError
   */
  wait(delta: Submitted, options?: WaitOptions): Promise<DeltaStatus | undefined>;
  /**
   * Make an empty collection. One that exists with the same dimension and space is left as it is.
   * @throws CollectionExistsError (with another dimension or space), PointerMissingError, UnsafeStoreError,
   * InvalidInputError, TableUnavailableError, StoreUnavailableError
   */
  createCollection(collection: string, shape: NewCollection): Promise<'created' | 'existed'>;
}

/** Needs the state machine. */
export interface MachineConnection {
  /**
   * Start a compaction without waiting for it. An arriving delta starts one automatically, on AWS and under `npm run
   * local`.
   * @throws InvalidInputError (not a valid name of a collection), ExecutionsUnavailableError
   */
  start(collection: string): Promise<void>;
}

export class Connection implements StoreConnection, TableConnection, MachineConnection {
  readonly #ports: Ports;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  submit(delta: DeltaToSubmit): Promise<Submitted> {
    return submitDelta(this.#ports, delta);
  }

  openReader(collection: string, options?: ReaderOptions): Promise<SnapshotReader> {
    return SnapshotReader.open(this.#ports, collection, options);
  }

  wait(delta: Submitted, options?: WaitOptions): Promise<DeltaStatus | undefined> {
    return waitForDelta(this.#ports, delta, options);
  }

  createCollection(collection: string, { dimension, space = 'cosine' }: NewCollection): Promise<'created' | 'existed'> {
    return createCollection(this.#ports, { collection, dimension, space, creator: 'application' });
  }

  async start(collection: string): Promise<void> {
    const { executions, ids } = this.#ports;
    await executions.start(executionName(checkCollection(collection), 'app', ids.commitId()), { collection });
  }
}
