/** Writes the handler's bundle where the Dockerfile would copy it: `node test/image/write-bundle.ts <directory>`. */
import { cpSync, globSync } from 'node:fs';
import { join } from 'node:path';
import { findHandlers } from '../../cdk/handlers.ts';

const from = findHandlers().MergeDeltas;
for (const file of globSync('*.mjs', { cwd: from })) cpSync(join(from, file), join(process.argv[2] ?? '.', file));
