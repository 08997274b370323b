/** What a world is made with: nothing, a planted bug, or the predecessor's protocol. */
import { predecessor } from './control.ts';
import { PLANTED } from './planted/index.ts';
import { NOTHING, type Plant } from './planted/plant.ts';
import { SIMULATED, SOURCE_BUGS } from './planted/source-bugs.ts';

export const CONTROL = 'control';
/** Bugs that the simulator must see, by name. */
export const HUNTED: readonly string[] = [...Object.keys(PLANTED), ...Object.keys(SIMULATED)];

/** Of a bug in the source, what its world is like: the source itself is changed as it is loaded (`planted/load.ts`). */
export function plantOf(bug: string | null): () => Plant {
  if (bug === null) return () => NOTHING;
  const source = SOURCE_BUGS[bug];
  if (source !== undefined) return () => source.world ?? NOTHING;
  const plant = bug === CONTROL ? predecessor : PLANTED[bug];
  if (plant === undefined) throw new RangeError(`There is no planted bug "${bug}". Known: ${[...HUNTED].join(', ')}.`);
  return plant;
}
