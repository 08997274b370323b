/** What applications use: readers that follow a collection, producers that send deltas, events, and errors. */
export type { EngineRecord, Metadata, MetadataValue, Ports, Space, Telemetry } from './ports.ts';
export {
  COMPACTION_COMMITTED,
  type CompactionCommitted,
  compactionCommitted,
  EVENT_SOURCE,
} from './protocol/announcement.ts';
export { ERROR_CATALOGUE } from './protocol/error-catalogue.ts';
export * from './protocol/errors.ts';
export type { DeltaStatus, Rejection } from './protocol/ledger.ts';
export { type ConnectOptions, connect } from './runtime/connect.ts';
export type { Delete, Operation, Update, Upsert } from './snapshot/delta.ts';
export { createCollection } from './steps/create-collection.ts';
export {
  DeltaBuilder,
  type DeltaToSubmit,
  type Submitted,
  submitDelta,
  type WaitOptions,
  waitForDelta,
} from './steps/produce-delta.ts';
export { makeQuery, type QueryAnswer, type QueryRequest } from './steps/query-snapshot.ts';
export {
  type Neighbour,
  type OpenSnapshot,
  type ReaderOptions,
  type ReaderPorts,
  type Refreshed,
  SnapshotReader,
} from './steps/snapshot-reader.ts';
