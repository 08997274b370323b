/** What a worker process is told by its arguments and its standard input, and what it says on its standard output. */

/** One argument, as JSON. */
export interface WorkerConfig {
  /** Environment of `parseConfig`. */
  env: Record<string, string>;
  tableEndpoint: string;
}

/** A line of standard input: run one execution. */
export interface Order {
  /** ARN. */
  execution: string;
  collection: string;
}

/** A line of standard output. */
export type Report =
  | { kind: 'ready' }
  /** Written before the state does anything. */
  | { kind: 'entered'; execution: string; state: string }
  | { kind: 'ended'; execution: string; status: string; error?: string; cause?: string }
  /** A merge was sealed; `from` says in what condition its working directory was found. */
  | { kind: 'merged'; from: string }
  /** The execution hands over to a successor. */
  | { kind: 'start'; collection: string };
