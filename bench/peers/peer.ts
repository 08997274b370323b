/** What every peer of the comparison is measured through: one client, in whichever process, and what stands behind it. */
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { EngineRecord } from '../../lambdas/ports.ts';
import type { Fixture } from '../fixture/build.ts';
import { record, recordId } from '../fixture/corpus.ts';
import type { Preset } from '../network/model.ts';

export const PEERS = ['chroma', 'lancedb', 'predecessor', 'library', 'endpoint'] as const;
export type PeerName = (typeof PEERS)[number];

/** Records of one write. */
export const RECORDS_PER_WRITE = 10;
export const NEIGHBOURS = 10;
/** Of an HTTP call to a server in the same zone, there and back, in milliseconds. Stores and tables: `network/model.ts`. */
export const SERVER_MS: Readonly<Record<Preset, number>> = { local: 0, aws: 1 };

export interface World {
  /** Of this peer alone; empty. */
  folder: string;
  fixture: Fixture;
  table: DynamoDBClientConfig;
  preset: Preset;
}

/** What a client needs to know, as JSON. */
export type Address = Record<string, unknown>;

export interface Client {
  /** Resolves when the peer has acknowledged write number `n`. */
  write(n: number): Promise<void>;
  /** Which of these ids this client sees now, with everything that the peer shows by default. */
  present(ids: readonly string[]): Promise<Set<string>>;
  /** Ids of the nearest records; of one year, if it is given. */
  query(vector: readonly number[], year?: number): Promise<string[]>;
  /** The same at `index_only`, where there is such a thing. */
  queryIndex?(vector: readonly number[], year?: number): Promise<string[]>;
  /** What the client itself has to do with its writes afterwards is done. */
  settled?(): Promise<void>;
  close(): Promise<void>;
}

export interface Peer {
  readonly address: Address;
  /** Of whoever looks from elsewhere, if that is another one. */
  readonly otherAddress?: Address;
  /** With the fixture's records in it. */
  start(): Promise<void>;
  /** SIGKILL to whatever of it runs apart from its clients, which are killed as well. */
  crash(): Promise<void>;
  /** Run again on what is left. */
  recover(): Promise<void>;
  /** How many writes wait for what comes after their acknowledgement. */
  waiting(): Promise<number>;
  stop(): Promise<void>;
}

/** The records of write number `n`: new ones, and no two writes have one in common. */
export function recordsOf(base: number, n: number): Array<Required<EngineRecord>> {
  return Array.from({ length: RECORDS_PER_WRITE }, (_, i) => record(base + n * RECORDS_PER_WRITE + i));
}

export function idsOf(base: number, n: number): string[] {
  return Array.from({ length: RECORDS_PER_WRITE }, (_, i) => recordId(base + n * RECORDS_PER_WRITE + i));
}
