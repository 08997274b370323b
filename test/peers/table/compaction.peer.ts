/** A whole compaction, its store and its table being servers that others wrote. */
import { describeWith } from '../runtimes.ts';
import { versitygwRuntime } from '../store/runtime.ts';
import { startVersitygw } from '../store/servers.ts';
import { describeCompaction } from './compaction-suite.ts';
import { TABLE_PEERS } from './servers.ts';

const versitygw = await versitygwRuntime();

for (const { name, runtime, start } of TABLE_PEERS) {
  describeWith('versitygw', versitygw, (gateway) => {
    describeWith(`and ${name}`, runtime, (where) => {
      describeCompaction(async () => {
        const store = await startVersitygw(gateway);
        const table = await start(where);
        return {
          storeUrl: `s3://${store.bucket}/some/prefix`,
          s3: store.config,
          dynamo: table.config,
          close: async () => {
            await store.close();
            await table.close();
          },
        };
      });
    });
  });
}
