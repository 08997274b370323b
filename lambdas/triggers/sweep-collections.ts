/**
 * Sweep: a wake-up for every collection with something left to do, in case an earlier one was lost, or whose snapshot is
 * fragmented (ADR 58).
 */
import { findWork, passOver } from '../inbox/find-work.ts';
import type { Ports } from '../ports.ts';
import { timeSlotName } from '../protocol/execution-name.ts';
import { isFragmented } from '../snapshot/rewrite.ts';
import { collectionsFailed, forEachCollection, listCollections } from '../versions/list-collections.ts';

export interface Sweep {
  collections: number;
  /**
   * Collections for which an execution was started; one that already had its execution of this minute is not among
   * them.
   */
  started: string[];
}

/** @throws CollectionsFailedError (after all have been checked), StoreUnavailableError (they cannot be listed) */
export async function sweep(ports: Ports): Promise<Sweep> {
  const collections = await listCollections(ports);
  const started: string[] = [];
  const failures = await forEachCollection(ports, collections, async (collection) => {
    const { isSome, unreadable, manifest } = await findWork(ports, collection);
    if (!isSome) passOver(ports, unreadable);
    if (!isSome && !isFragmented(manifest, ports.settings.scale)) return;
    const name = timeSlotName(collection, ports.clock.now());
    if ((await ports.executions.start(name, { collection })) === 'started') started.push(collection);
  });
  ports.telemetry.info('Swept.', { collections: collections.length, started });
  if (failures.length > 0) throw collectionsFailed('The sweep', failures);
  return { collections: collections.length, started };
}
