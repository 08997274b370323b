/** What surrounds an invocation: time, chance, threads, other executions, listeners, and who reads its reports. */
import type { CompactionCommitted } from '../protocol/announcement.ts';
import type { Metric } from '../protocol/metrics.ts';

export interface Clock {
  /** Wall clock in milliseconds since the epoch: a hint for liveness, never for safety. */
  now(): number;
  /** Milliseconds that never run backwards, for elapsed times. */
  monotonic(): number;
  sleep(ms: number): Promise<void>;
  /** Run `task` every `ms` until the returned function is called; a failing task is reported, not thrown. */
  every(ms: number, task: () => Promise<void>): () => void;
}

export interface Ids {
  /** A new ULID. */
  commitId(): string;
  /** Uniform in [0, 1), for jitter. */
  random(): number;
}

export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED' | 'PENDING_REDRIVE';

/** Every method throws `ExecutionsUnavailableError` when Step Functions does not answer. */
export interface Executions {
  /** Start a named compaction execution; `exists` when the name was used before. */
  start(name: string, input: { collection: string; vacuum?: boolean }): Promise<'started' | 'exists'>;
  /** `undefined`: no such execution. */
  status(executionArn: string): Promise<ExecutionStatus | undefined>;
}

/** An announcement that was not taken, and why. */
export interface Refusal {
  announcement: CompactionCommitted;
  reason: string;
}

/** Publishes events of commits. Delivery may repeat and reorder them; they name versions for that. */
export interface Announcer {
  /**
   * One attempt. Returns the ones that were refused, to be tried again.
   * @throws AnnouncerUnavailableError (whether any was taken is unknown)
   */
  announce(announcements: readonly CompactionCommitted[]): Promise<Refusal[]>;
}

export interface Telemetry {
  /** `phase` is `validation` or `swap` for the lock, and the step's name elsewhere. */
  metric(metric: Metric, value: number, dimensions: { collection: string; phase?: string }): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
}

/**
 * Compression, off the caller's thread. What it gives is what `snapshot/frames.ts` gives, byte for byte, and the caller's
 * own: it may `release` it.
 */
export interface FrameCodec {
  /** `raw` must not change meanwhile. */
  compress(raw: Uint8Array): Promise<Uint8Array>;
  /** Rejects if it is not the stored form of `rawLength` bytes. */
  decompress(stored: Uint8Array, rawLength: number): Promise<Uint8Array>;
}
