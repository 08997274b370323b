/** What applications use: readers that follow a collection, producers that send deltas, events, and errors. */

export { ERROR_CATALOGUE } from './errors/error-catalogue.ts';
export * from './errors/errors.ts';
export type {
  Column,
  EngineRecord,
  Metadata,
  MetadataScalar,
  MetadataValue,
  RecordFilter,
  RecordPage,
  Space,
  Telemetry,
} from './ports.ts';
export {
  DeltaBuilder,
  type DeltaToSubmit,
  type SubmitResult,
  type Submitted,
  type WaitOptions,
} from './producer/produce-delta.ts';
export {
  COMPACTION_COMMITTED,
  type CompactionCommitted,
  compactionCommitted,
  EVENT_SOURCE,
} from './protocol/announcement.ts';
export type { QueryAnswer, QueryRequest } from './reader/query-snapshot.ts';
export type {
  Neighbour,
  OpenSnapshot,
  ReaderOptions,
  Refreshed,
  SnapshotReader,
} from './reader/snapshot-reader.ts';
export { type ConnectOptions, connect } from './runtime/connect.ts';
export type { MachineConnection, NewCollection, StoreConnection, TableConnection } from './runtime/connection.ts';
export type { Delete, Operation, Update, Upsert } from './snapshot/delta.ts';
export { Float, float } from './snapshot/exact-json.ts';
export type { DeltaStatus, Rejection } from './snapshot/ledger.ts';
