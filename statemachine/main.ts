/** `npm run asl`: write the retry policies into the ASL files. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { POLICIES_BY_TASK, retriersOf } from './retriers-by-task.ts';
import { withRetriers } from './write-retriers.ts';

for (const machine of Object.keys(POLICIES_BY_TASK)) {
  const path = fileURLToPath(new URL(`./${machine}.asl.json`, import.meta.url));
  const before = readFileSync(path, 'utf8');
  const after = withRetriers(before, retriersOf(machine));
  if (after !== before) writeFileSync(path, after);
  process.stdout.write(`${path}: ${after === before ? 'as it was' : 'written'}\n`);
}
