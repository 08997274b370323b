/** What passes between the bench and the process that merges one delta. */
export const COLLECTION = 'costs';
export const DIMENSION = 8;

export interface Task {
  /** Root of the store that holds the delta. */
  store: string;
  /** Of the Chroma directory. */
  path: string;
  deltaId: string;
  /** In the directory before. */
  records: number;
}

export interface Cost {
  /** That were applied. */
  operations: number;
  rejected: number;
  /** In the directory afterwards. */
  records: number;
  requests: number;
  largestBytes: number;
  wallMs: number;
  /** Of Node.js alone. */
  cpuMs: number;
  /** Highest resident set of Node.js, in bytes: Chroma is another process. */
  peakBytes: number;
  /** Longest time for which nothing else could run in Node.js: a heartbeat, say. */
  stallMs: number;
  failure?: string;
}
