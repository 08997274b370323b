/** A deployed stack, named by the environment. */
import { join } from 'node:path';
import { SFNClient } from '@aws-sdk/client-sfn';
import { createDynamoClient } from '../../lambdas/adapters/table/dynamo-client.ts';
import { composePorts } from '../../lambdas/runtime/compose.ts';
import { parseConfig } from '../../lambdas/runtime/config.ts';
import { makeScratch } from '../scratch.ts';
import { SILENT, type Target } from '../target.ts';

/** @throws ConfigurationError */
export async function openAws(env: NodeJS.ProcessEnv): Promise<Target> {
  const scratch = await makeScratch();
  const config = parseConfig({
    ...env,
    CACHE_DIRECTORY: join(scratch.path, 'cache'),
    WORK_DIRECTORY: join(scratch.path, 'work'),
  });
  const { storeUrl, tableName, stateMachineArn = '' } = config;
  const sfn = new SFNClient({});
  const dynamo = createDynamoClient();
  return {
    kind: 'aws',
    place: { store: storeUrl, table: tableName, stateMachine: stateMachineArn },
    ports: composePorts(config, SILENT, { sfn, dynamo }),
    sfn,
    stateMachineArn,
    close: async () => {
      dynamo.destroy();
      sfn.destroy();
      await scratch.remove();
    },
  };
}
