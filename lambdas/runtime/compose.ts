/** Puts the adapters together, with a client of every service that the configuration names. */
import type { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { SFNClient } from '@aws-sdk/client-sfn';
import { createEventBridgeClient, EventBridgeAnnouncer } from '../adapters/eventbridge-announcer.ts';
import { SilentAnnouncer } from '../adapters/silent-announcer.ts';
import { openStore } from '../adapters/store/open-store.ts';
import { createDynamoClient } from '../adapters/table/dynamo-client.ts';
import type { Announcer, Ports, Telemetry } from '../ports.ts';
import { composeOver } from './compose-over.ts';
import type { Config } from './config.ts';

export interface Clients {
  dynamo: DynamoDBClient;
  sfn: SFNClient;
  /** Instead of the bus that the configuration names. */
  announcer: Announcer;
  /** Gets every client as it is made here, and gives it back watched. */
  capture: <Client>(client: Client) => Client;
}

/** Clients are made from the environment unless given. */
export function composePorts(config: Config, telemetry: Telemetry, clients: Partial<Clients> = {}): Ports {
  const { capture = (client) => client } = clients;
  return composeOver(config, telemetry, {
    dynamo: capture(clients.dynamo ?? createDynamoClient()),
    sfn: capture(clients.sfn ?? new SFNClient({})),
    store: openStore(config.storeUrl, { capture }),
    announcer: clients.announcer ?? openAnnouncer(config, capture),
  });
}

function openAnnouncer({ eventBusName }: Config, capture: Clients['capture']): Announcer {
  if (eventBusName === undefined) return new SilentAnnouncer();
  return new EventBridgeAnnouncer(capture(createEventBridgeClient()), eventBusName);
}
