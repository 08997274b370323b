/** `npm run docs:picture`: draws the state machine from its ASL file into `docs/images/compaction.svg`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { COMPACTION, readDefinition } from '../../machines.ts';
import { graphOf } from './asl-graph.ts';
import { layoutGraph } from './layout.ts';
import { pictureOf } from './picture.ts';

export const PICTURE = fileURLToPath(new URL('../../../docs/images/compaction.svg', import.meta.url));

export function drawCompaction(): string {
  const graph = layoutGraph(graphOf(JSON.parse(readDefinition(COMPACTION))));
  return pictureOf(graph, 'The compaction state machine, drawn from its ASL file');
}

if (import.meta.main) {
  mkdirSync(new URL('../../../docs/images/', import.meta.url), { recursive: true });
  writeFileSync(PICTURE, drawCompaction());
  process.stdout.write(`${PICTURE}\n`);
}
