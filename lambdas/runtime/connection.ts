/** What an application can do with a store, its table and its state machine, without seeing the ports. */
import type { Ports, Space } from '../ports.ts';
import {
  type DeltaToSubmit,
  type SubmitResult,
  type Submitted,
  submitDelta,
  type WaitOptions,
  waitForDelta,
} from '../producer/produce-delta.ts';
import { executionName } from '../protocol/execution-name.ts';
import { type ReaderOptions, SnapshotReader } from '../reader/snapshot-reader.ts';
import { checkCollection } from '../snapshot/keys.ts';
import type { DeltaStatus } from '../snapshot/ledger.ts';
import { createCollection } from '../upkeep/create-collection.ts';
import { type Members, refuseUnknown } from './refuse-unknown.ts';

/** Needs only the store. */
export interface StoreConnection {
  /**
   * Put operations into the inbox, all or none: nothing is sent if one of them is malformed. The same operations under
   * the same id are sent once, however often this is called. With `tableName`, it is also known which ids are decided.
   * @throws InvalidInputError (which operation, counting from 1, and why), CollectionNotFoundError, KeyCollisionError
   * (other content waits under this id, or was decided under it; nothing of this delta is applied),
   * StoreUnavailableError
   */
  submit(delta: DeltaToSubmit): Promise<SubmitResult>;
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

const DELTA: Members<DeltaToSubmit> = { collection: true, operations: true, deltaId: true };
const WAIT: Members<WaitOptions> = { timeoutMs: true, pollMs: true };
const READER: Members<ReaderOptions> = { maxCopies: true };
const SHAPE: Members<NewCollection> = { dimension: true, space: true };

export class Connection implements StoreConnection, TableConnection, MachineConnection {
  readonly #ports: Ports;
  readonly #hasTable: boolean;

  constructor(ports: Ports, { hasTable = true }: { hasTable?: boolean } = {}) {
    this.#ports = ports;
    this.#hasTable = hasTable;
  }

  async submit(delta: DeltaToSubmit): Promise<SubmitResult> {
    refuseUnknown('A delta to submit', delta, DELTA);
    return submitDelta({ ...this.#ports, statuses: this.#hasTable ? this.#ports.statuses : undefined }, delta);
  }

  async openReader(collection: string, options: ReaderOptions = {}): Promise<SnapshotReader> {
    refuseUnknown('The options of a reader', options, READER);
    return SnapshotReader.open(this.#ports, collection, options);
  }

  async wait(delta: Submitted, options: WaitOptions = {}): Promise<DeltaStatus | undefined> {
    refuseUnknown('The options of a wait', options, WAIT);
    return waitForDelta(this.#ports, delta, options);
  }

  async createCollection(collection: string, shape: NewCollection): Promise<'created' | 'existed'> {
    refuseUnknown('The shape of a collection', shape, SHAPE);
    const { dimension, space = 'cosine' } = shape;
    return createCollection(this.#ports, { collection, dimension, space, creator: 'application' });
  }

  async start(collection: string): Promise<void> {
    const { executions, ids } = this.#ports;
    await executions.start(executionName(checkCollection(collection), 'app', ids.ulid()), { collection });
  }
}
