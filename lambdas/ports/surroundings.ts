/** The surroundings of an invocation: time, randomness, threads, other executions, event consumers, and telemetry. */
import type { CompactionCommitted } from '../protocol/announcement.ts';
import type { Metric } from '../protocol/metrics.ts';

export interface Clock {
  /** Wall clock in milliseconds since the epoch: a hint for liveness, never for safety. */
  now(): number;
  /** Monotonic milliseconds, for elapsed times. */
  monotonic(): number;
  sleep(ms: number): Promise<void>;
  /** Run `task` every `ms` until the returned function is called; a failing task is reported, not thrown. */
  every(ms: number, task: () => Promise<void>): () => void;
}

export interface Ids {
  /** A new ULID. */
  ulid(): string;
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

/** An announcement that was refused, and why. */
export interface Refusal {
  announcement: CompactionCommitted;
  reason: string;
}

/** Publishes events of commits. Delivery may repeat and reorder them, which is why they carry version numbers. */
export interface Announcer {
  /**
   * One attempt. Returns the refused ones, to be retried.
   * @throws AnnouncerUnavailableError (it is unknown whether any was accepted)
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
 * Compression outside the caller's thread. The result is byte for byte that of `snapshot/frames.ts`, and belongs to the
 * caller, who may `release` it.
 */
export interface FrameCodec {
  /** `raw` must not change meanwhile. */
  compress(raw: Uint8Array): Promise<Uint8Array>;
  /** Rejects if it is not the stored form of `rawLength` bytes. */
  decompress(stored: Uint8Array, rawLength: number): Promise<Uint8Array>;
}
