/** What a world is made with: nothing, a planted bug, or the predecessor's protocol. */
import { predecessor } from './control.ts';
import { PLANTED } from './planted/index.ts';
import { NOTHING, type Plant } from './planted/plant.ts';

export const CONTROL = 'control';

export function plantOf(bug: string | null): () => Plant {
  if (bug === null) return () => NOTHING;
  const plant = bug === CONTROL ? predecessor : PLANTED[bug];
  if (plant === undefined)
    throw new RangeError(`There is no planted bug "${bug}". Known: ${Object.keys(PLANTED).join(', ')}.`);
  return plant;
}
