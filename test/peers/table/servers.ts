/** DynamoDBs that others wrote, and the one that the environment names. */
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { Runtime } from '../install.ts';
import { pythonRuntime } from '../runtimes.ts';
import { type PeerServer, startServer } from '../servers.ts';
import { startMoto } from '../store/servers.ts';
import { dynoxideRuntime } from './runtime.ts';

export interface PeerTable {
  config: DynamoDBClientConfig;
  close(): Promise<void>;
}

export interface TablePeer {
  name: string;
  runtime: Runtime;
  /** @param where What the runtime says. */
  start(where: string): Promise<PeerTable>;
}

/** Letters and digits alone: DynamoDB Local takes no other access keys. */
const CREDENTIALS = { accessKeyId: 'peer', secretAccessKey: 'peersecret' };
const { COMPACTOR_PEER_DYNAMODB } = process.env;

export const TABLE_PEERS: readonly TablePeer[] = [
  // Both keep their tables in memory.
  { name: 'dynoxide', runtime: await dynoxideRuntime(), start: startDynoxide },
  { name: 'moto', runtime: await pythonRuntime(), start: (bin) => startMotoTable(bin) },
  ...(COMPACTOR_PEER_DYNAMODB ? [named(COMPACTOR_PEER_DYNAMODB)] : []),
];

export async function startMotoTable(bin: string, ...threads: 'threads'[]): Promise<PeerTable> {
  return tableAt(await startMoto(bin, ...threads));
}

async function startDynoxide(program: string): Promise<PeerTable> {
  const command = (port: number) => [program, 'serve', '--port', String(port)] as const;
  return tableAt(await startServer({ name: 'dynoxide', command }));
}

function tableAt({ url, stop }: PeerServer): PeerTable {
  return { config: configOf(url), close: stop };
}

/** Any other DynamoDB, Amazon's DynamoDB Local for one: it runs already, and goes on running. */
function named(endpoint: string): TablePeer {
  const start = async () => ({ config: configOf(endpoint), close: async () => {} });
  return { name: `COMPACTOR_PEER_DYNAMODB, ${endpoint}`, runtime: { where: endpoint }, start };
}

function configOf(endpoint: string): DynamoDBClientConfig {
  return { endpoint, region: 'us-east-1', credentials: CREDENTIALS };
}
