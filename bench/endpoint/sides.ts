/** What is measured beside each other: a plain Chroma server, and an endpoint whose network is modelled, on the same records. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import { COLLECTION, type Fixture } from '../fixture/build.ts';
import type { Preset } from '../network/model.ts';
import { PlainChroma } from '../peers/chroma.ts';
import type { HttpAddress } from '../peers/http-client.ts';
import { openOurs } from '../peers/our-processes.ts';
import type { World } from '../peers/peer.ts';
import { PeerProcess } from '../peers/process.ts';

export interface Server {
  address: HttpAddress;
  /** Requests to store and table since this was last asked. */
  probes(): Promise<number>;
  stop(): Promise<void>;
}

/** Starts servers, each on directories of its own. */
export interface Side {
  start(): Promise<Server>;
}

/** @param folder empty, or not there */
export async function plainSide(folder: string, fixture: Fixture, table: DynamoDBClientConfig, preset: Preset) {
  let started = 0;
  const start = async (): Promise<Server> => {
    const own = join(folder, `plain-${++started}`);
    await mkdir(own, { recursive: true });
    const server = new PlainChroma({ folder: own, fixture, table, preset });
    await server.start();
    return {
      address: server.address as unknown as HttpAddress,
      probes: async () => 0,
      stop: () => server.stop(),
    };
  };
  return { start } satisfies Side;
}

/** Nothing compacts. @param folder empty, or not there */
export async function ownSide(folder: string, fixture: Fixture, table: DynamoDBClientConfig, preset: Preset) {
  const world: World = { folder: join(folder, 'ours'), fixture, table, preset };
  await mkdir(world.folder, { recursive: true });
  const ours = openOurs(world);
  await ours.place(fixture).finally(() => ours.close());
  const start = async (): Promise<Server> => {
    const process = new PeerProcess();
    const { url = '' } = await process.ask({ kind: 'endpoint', world });
    return {
      address: { url, collection: COLLECTION, base: fixture.records, preset, hasLevels: true },
      probes: async () => (await process.ask({ kind: 'probes' })).probes ?? 0,
      stop: () => process.kill(),
    };
  };
  return { start } satisfies Side;
}
