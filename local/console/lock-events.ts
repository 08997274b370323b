/**
 * Calls of executions to the lock table of the local stack, recorded as they happen: the console's swimlane shows them
 * with the times at which each was sent and answered. Kept beside the executions, and for as long.
 */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LockHeldError } from '../../lambdas/errors/errors.ts';
import type { Clock, LockTable } from '../../lambdas/ports.ts';
import type { AcquireRequest, ClaimRequest, Holder, LockItem } from '../../lambdas/protocol/lock.ts';

const LOCK_EVENT_KINDS = [
  'lock-acquired',
  'lock-collision',
  'lock-released',
  'lock-lost',
  'claim-taken',
  'claim-refused',
  'claim-renewed',
  'claim-released',
  'claim-lost',
  'claim-kept',
] as const;
/**
 * `lock-collision`: another execution held it (`by`). `claim-refused`: another execution has it. `claim-kept`: the
 * release was refused because an execution had delegated. The `-lost` kinds: it no longer belonged to this execution.
 */
export type LockEventKind = (typeof LOCK_EVENT_KINDS)[number];

export interface LockEvent {
  /** Rising. */
  id: number;
  collection: string;
  kind: LockEventKind;
  /** ARN of the execution that called. */
  execution: string;
  /** Milliseconds since the epoch: when the call was sent, and when it was answered. */
  sentAt: number;
  at: number;
  phase: string | null;
  token: number | null;
  /** Who held the lock instead. */
  by: string | null;
  /** When lock or claim expires. */
  expiresAt: number | null;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS lock_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    collection TEXT NOT NULL, kind TEXT NOT NULL, execution TEXT NOT NULL,
    sentAt REAL NOT NULL, at REAL NOT NULL,
    phase TEXT, token INTEGER, by TEXT, expiresAt REAL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS lock_events_by_execution ON lock_events (execution, id);`;
const RETENTION_MS = 90 * 24 * 60 * 60 * 1000;

/** Lock events in `lock-events.sqlite`, which outlive the process, as executions do. */
export class LockEventStore {
  readonly #database: DatabaseSync;
  #isClosed = false;

  /** Kept in memory if there is no directory. */
  constructor(directory: string | undefined, now: number) {
    this.#database = new DatabaseSync(directory === undefined ? ':memory:' : join(directory, 'lock-events.sqlite'));
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
    this.#database.exec(SCHEMA);
    this.#database.prepare('DELETE FROM lock_events WHERE at < ?').run(now - RETENTION_MS);
  }

  /** After `close` nothing is written any more; handlers that outlive the stack are not recorded. */
  append(event: Omit<LockEvent, 'id'>): void {
    if (this.#isClosed) return;
    this.#database
      .prepare(
        `INSERT INTO lock_events (collection, kind, execution, sentAt, at, phase, token, by, expiresAt)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        event.collection,
        event.kind,
        event.execution,
        event.sentAt,
        event.at,
        event.phase,
        event.token,
        event.by,
        event.expiresAt,
      );
  }

  /** Everything that one execution did, in order. */
  ofExecution(execution: string): LockEvent[] {
    const rows = this.#database.prepare('SELECT * FROM lock_events WHERE execution = ? ORDER BY id').all(execution);
    return rows as unknown as LockEvent[];
  }

  close(): void {
    this.#isClosed = true;
    this.#database.close();
  }
}

/** A lock table that records the outcome of each call. It changes no answer and swallows no error. */
export class RecordedLocks implements LockTable {
  readonly #locks: LockTable;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #record: (event: Omit<LockEvent, 'id'>) => void;

  constructor(locks: LockTable, clock: Pick<Clock, 'now'>, record: (event: Omit<LockEvent, 'id'>) => void) {
    this.#locks = locks;
    this.#clock = clock;
    this.#record = record;
  }

  readLock(collection: string): Promise<LockItem | undefined> {
    return this.#locks.readLock(collection);
  }

  async acquireLock(collection: string, request: AcquireRequest): Promise<{ token: number }> {
    const write = this.#begin(collection, request.owner, request.phase);
    try {
      const { token } = await this.#locks.acquireLock(collection, request);
      write('lock-acquired', { token, expiresAt: request.now + request.durationMs });
      return { token };
    } catch (error) {
      if (error instanceof LockHeldError) write('lock-collision', { by: error.owner });
      throw error;
    }
  }

  async releaseLock(collection: string, holder: Holder): Promise<{ acquiredAt: number } | undefined> {
    const write = this.#begin(collection, holder.owner);
    const released = await this.#locks.releaseLock(collection, holder);
    write(released === undefined ? 'lock-lost' : 'lock-released', { token: holder.token });
    return released;
  }

  async takeClaim(collection: string, request: ClaimRequest): Promise<{ token: number } | 'lock-lost' | 'claimed'> {
    const write = this.#begin(collection, request.holder.owner);
    const taken = await this.#locks.takeClaim(collection, request);
    if (taken === 'lock-lost') write('lock-lost', { token: request.holder.token });
    else if (taken === 'claimed') write('claim-refused', {});
    else write('claim-taken', { token: taken.token, expiresAt: request.now + request.durationMs });
    return taken;
  }

  async renewClaim(collection: string, holder: Holder, now: number, durationMs: number): Promise<boolean> {
    const write = this.#begin(collection, holder.owner);
    const isRenewed = await this.#locks.renewClaim(collection, holder, now, durationMs);
    const renewal = { token: holder.token, expiresAt: now + durationMs };
    if (isRenewed) write('claim-renewed', renewal);
    else write('claim-lost', { token: holder.token });
    return isRenewed;
  }

  wakeClaimant(collection: string, now: number): Promise<boolean> {
    return this.#locks.wakeClaimant(collection, now);
  }

  async releaseClaim(collection: string, holder: Holder, wake?: number): Promise<boolean> {
    const write = this.#begin(collection, holder.owner);
    const isReleased = await this.#locks.releaseClaim(collection, holder, wake);
    write(isReleased ? 'claim-released' : 'claim-kept', { token: holder.token });
    return isReleased;
  }

  #begin(collection: string, execution: string, phase: string | null = null) {
    const sentAt = this.#clock.now();
    return (kind: LockEventKind, rest: Partial<Pick<LockEvent, 'token' | 'by' | 'expiresAt'>>) => {
      const at = this.#clock.now();
      this.#record({ collection, kind, execution, sentAt, at, phase, token: null, by: null, expiresAt: null, ...rest });
    };
  }
}
