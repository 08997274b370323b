/** Writes the handler's bundle where the Dockerfile would copy it: `npx node cdk/image/write-bundle.ts <directory>`. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleHandlers } from '../bundle.ts';

copyFileSync(join(bundleHandlers().MergeDeltas, 'index.mjs'), join(process.argv[2] ?? '.', 'index.mjs'));
