import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { ConfigurationError } from '../../lambdas/errors/errors.ts';
import { abortedEvent, type RecordedEvent } from './history.ts';

export type Status = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

/** One execution. Dates are milliseconds since the epoch; input and output are JSON texts. */
export interface ExecutionRecord {
  /** Rises with each start. */
  sequence: number;
  executionArn: string;
  stateMachineArn: string;
  name: string;
  status: Status;
  startDate: number;
  input: string;
  stopDate: number | null;
  output: string | null;
  error: string | null;
  cause: string | null;
}

/** How an execution ended. */
export type Ending = Pick<ExecutionRecord, 'status' | 'output' | 'error' | 'cause'> & { stopDate: number };

export interface ExecutionFilter {
  stateMachineArn: string;
  /** The collection in the input. */
  collection?: string;
}

/** The collection in an input. SQLite does not parse every JSON text that Node.js does, hence the check. */
const COLLECTION = `CASE WHEN json_valid(input) THEN
  CASE json_type(input, '$.collection') WHEN 'text' THEN json_extract(input, '$.collection') END END`;

/** AWS keeps an ended execution, and thus its name, for 90 days. */
const RETENTION_MS = 90 * 24 * 60 * 60 * 1000;

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS executions (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    executionArn TEXT NOT NULL UNIQUE,
    stateMachineArn TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    startDate REAL NOT NULL,
    input TEXT NOT NULL,
    stopDate REAL, output TEXT, error TEXT, cause TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS executions_by_machine ON executions (stateMachineArn, sequence);
  CREATE TABLE IF NOT EXISTS events (
    executionArn TEXT NOT NULL,
    id INTEGER NOT NULL,
    event TEXT NOT NULL,
    PRIMARY KEY (executionArn, id)
  ) STRICT, WITHOUT ROWID;`;

/** Executions and their histories in `executions.sqlite`, written as they happen, so that they outlive the process. */
export class ExecutionStore {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /**
   * Open the store in a directory, or in memory without one. It belongs to one process at a time: a second one would
   * consider the first one's executions abandoned.
   * @throws ConfigurationError (another process has it open)
   */
  constructor(directory: string | undefined, now: number) {
    if (directory !== undefined) mkdirSync(directory, { recursive: true });
    const file = directory === undefined ? ':memory:' : join(directory, 'executions.sqlite');
    this.#database = new DatabaseSync(file);
    try {
      this.#database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
      this.#database.exec(SCHEMA);
      this.#forget(now - RETENTION_MS);
    } catch (error) {
      this.#database.close();
      if (!(error instanceof Error) || !error.message.includes('locked')) throw error;
      throw new ConfigurationError(`"${file}" is open in another process. Stop it, or use another data directory.`, {
        cause: error,
      });
    }
  }

  insert(record: Pick<ExecutionRecord, 'executionArn' | 'stateMachineArn' | 'name' | 'startDate' | 'input'>): void {
    this.#run(
      `INSERT INTO executions (executionArn, stateMachineArn, name, status, startDate, input)
       VALUES (?, ?, ?, 'RUNNING', ?, ?)`,
      [record.executionArn, record.stateMachineArn, record.name, record.startDate, record.input],
    );
  }

  get(executionArn: string): ExecutionRecord | undefined {
    return this.#all<ExecutionRecord>('SELECT * FROM executions WHERE executionArn = ?', [executionArn])[0];
  }

  /** Newest first; with `before`, only those started before that sequence number. */
  list(query: ExecutionFilter & { status?: string; before?: number; limit: number }): ExecutionRecord[] {
    return this.#all<ExecutionRecord>(
      `SELECT * FROM executions WHERE stateMachineArn = ?1 AND (?2 IS NULL OR status = ?2) AND (?3 IS NULL OR sequence < ?3)
       AND (?5 IS NULL OR ${COLLECTION} = ?5) ORDER BY sequence DESC LIMIT ?4`,
      [query.stateMachineArn, query.status ?? null, query.before ?? null, query.limit, query.collection ?? null],
    );
  }

  /** Number of executions by status. */
  counts(filter: ExecutionFilter): Partial<Record<Status, number>> {
    const rows = this.#all<{ status: Status; count: number }>(
      `SELECT status, count(*) AS count FROM executions
       WHERE stateMachineArn = ?1 AND (?2 IS NULL OR ${COLLECTION} = ?2) GROUP BY status`,
      [filter.stateMachineArn, filter.collection ?? null],
    );
    return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
  }

  /** Collections named in inputs, whether they exist or not. */
  collections(limit: number): string[] {
    const rows = this.#all<{ collection: string }>(
      `SELECT DISTINCT ${COLLECTION} AS collection FROM executions WHERE ${COLLECTION} IS NOT NULL LIMIT ?`,
      [limit],
    );
    return rows.map(({ collection }) => collection);
  }

  append(executionArn: string, event: RecordedEvent): void {
    this.#run('INSERT INTO events (executionArn, id, event) VALUES (?, ?, ?)', [
      executionArn,
      event.id,
      JSON.stringify(event),
    ]);
  }

  /** In ascending or, with `reverse`, descending order of id; with `after`, those that follow it in that order. */
  events(query: { executionArn: string; after?: number; reverse: boolean; limit: number }): RecordedEvent[] {
    const [comparison, order] = query.reverse ? ['<', 'DESC'] : ['>', 'ASC'];
    const rows = this.#all<{ event: string }>(
      `SELECT event FROM events WHERE executionArn = ?1 AND (?2 IS NULL OR id ${comparison} ?2) ORDER BY id ${order} LIMIT ?3`,
      [query.executionArn, query.after ?? null, query.limit],
    );
    return rows.map((row) => JSON.parse(row.event) as RecordedEvent);
  }

  /** Write the last event and the ending together: an execution either has both or is still running. */
  end(executionArn: string, ending: Ending, event: RecordedEvent): void {
    this.#atomically(() => this.#end(executionArn, ending, event));
  }

  #end(executionArn: string, ending: Ending, event: RecordedEvent): void {
    this.append(executionArn, event);
    this.#run(
      'UPDATE executions SET status = ?, stopDate = ?, output = ?, error = ?, cause = ? WHERE executionArn = ?',
      [ending.status, ending.stopDate, ending.output, ending.error, ending.cause, executionArn],
    );
  }

  /** Abort every execution that an earlier process left running, and return them as they are afterwards. */
  abortInterrupted(now: number, error: string, cause: string): ExecutionRecord[] {
    const left = this.#all<ExecutionRecord>(`SELECT * FROM executions WHERE status = 'RUNNING' ORDER BY sequence`, []);
    return this.#atomically(() =>
      left.map((record) => {
        const last = this.events({ executionArn: record.executionArn, reverse: true, limit: 1 })[0]?.id ?? 0;
        const ending: Ending = { status: 'ABORTED', stopDate: now, output: null, error, cause };
        this.#end(record.executionArn, ending, abortedEvent(last, now, error, cause));
        return { ...record, ...ending };
      }),
    );
  }

  close(): void {
    this.#database.close();
  }

  #forget(endedBefore: number): void {
    this.#atomically(() => {
      this.#run('DELETE FROM events WHERE executionArn IN (SELECT executionArn FROM executions WHERE stopDate < ?)', [
        endedBefore,
      ]);
      this.#run('DELETE FROM executions WHERE stopDate < ?', [endedBefore]);
    });
  }

  #atomically<T>(work: () => T): T {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#database.exec('COMMIT');
      return result;
    } catch (error) {
      this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #run(sql: string, values: SQLInputValue[]): void {
    this.#prepared(sql).run(...values);
  }

  #all<Row>(sql: string, values: SQLInputValue[]): Row[] {
    return this.#prepared(sql).all(...values) as Row[];
  }

  #prepared(sql: string): StatementSync {
    const prepared = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, prepared);
    return prepared;
  }
}
