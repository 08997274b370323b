/** What belongs to one stack in a world, beside the store, which a second one may have been pointed at. */
import type { MemoryCache } from '../support/memory-cache.ts';
import type { MemoryDirectories } from '../support/memory-directories.ts';
import type { SimulatedStepFunctions } from './step-functions.ts';
import type { SimulatedTable } from './table.ts';

export interface Stack {
  table: SimulatedTable;
  cache: MemoryCache;
  directories: MemoryDirectories;
  machines: SimulatedStepFunctions;
  /** The store is not its own. */
  isForeign: boolean;
}
