/** The local stack that runs in another process. */
import { join } from 'node:path';
import { SFNClient } from '@aws-sdk/client-sfn';
import { SilentAnnouncer } from '../../lambdas/adapters/silent-announcer.ts';
import { createDynamoClient } from '../../lambdas/adapters/table/dynamo-client.ts';
import { composeOver } from '../../lambdas/runtime/compose-over.ts';
import { parseConfig } from '../../lambdas/runtime/config.ts';
import { openLocalStore } from '../../local/open-store.ts';
import type { StackFile } from '../../local/stack-file.ts';
import type { Place } from '../place.ts';
import { SILENT, type Target } from '../target.ts';

export interface LocalPlace {
  dataDirectory: string;
  place: Place;
  /** Settings from the environment, such as what to retain. */
  settings: NodeJS.ProcessEnv;
}

const CLIENT = { region: 'us-east-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } };

/** @throws ConfigurationError */
export async function openLocal(running: StackFile, { dataDirectory, place, settings }: LocalPlace): Promise<Target> {
  const config = parseConfig({
    ...settings,
    STORE_URL: running.storeUrl,
    TABLE_NAME: running.tableName,
    STATE_MACHINE_ARN: running.stateMachineArn,
    CACHE_DIRECTORY: join(dataDirectory, 'cache'),
    WORK_DIRECTORY: join(dataDirectory, 'work'),
  });
  const store = await openLocalStore(config.storeUrl);
  const dynamo = createDynamoClient({ endpoint: running.tableEndpoint, ...CLIENT });
  const sfn = new SFNClient({ endpoint: running.sfnEndpoint, ...CLIENT });
  return {
    kind: 'local',
    place,
    ports: composeOver(config, SILENT, { dynamo, sfn, store, announcer: new SilentAnnouncer() }),
    sfn,
    stateMachineArn: running.stateMachineArn,
    close: async () => {
      dynamo.destroy();
      sfn.destroy();
    },
  };
}
