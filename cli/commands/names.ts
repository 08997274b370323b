import type { Command } from 'commander';
import { mapLimit } from '../../lambdas/concurrency/map-limit.ts';
import { CorruptObjectError, PointerMissingError } from '../../lambdas/errors/errors.ts';
import { fullName, listNames, listUnnamed } from '../../lambdas/names/look-up.ts';
import { DEFAULT_DATABASE, DEFAULT_TENANT, idOfStored } from '../../lambdas/names/records.ts';
import type { Ports } from '../../lambdas/ports.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { withTarget } from '../command.ts';
import { columns } from '../output.ts';

const READS_AT_ONCE = 16;

export interface NameReport {
  /** The name as commands accept it: without tenant and database if they are the default ones. */
  name: string;
  /** The name under which the collection is stored. */
  collection: string;
  id: string;
  /** Numbers per embedding; `null` until the first write fixes it. */
  dimension: number | null;
  tenant: string;
  database: string;
  /** The reason why its dimension cannot be read. */
  problem?: string;
}

/** `compactor names`: list the collections that clients of Chroma can ask for. */
export function names(program: Command): void {
  const command = program
    .command('names')
    .description('list the names by which collections are known to clients of Chroma, and what each is stored as')
    .addHelpText('after', '\nExample:\n  compactor names\n  compactor names --json');
  withTarget<[]>(command, async ({ target: { ports }, output }) => {
    const listed = (await listNames(ports)).map(
      ({ collection, id, dimension, ...place }): NameReport => ({
        name: fullName(place),
        collection,
        id,
        dimension,
        tenant: place.tenant,
        database: place.database,
      }),
    );
    const unnamed = await mapLimit(await listUnnamed(ports), READS_AT_ONCE, (name) => reportStored(ports, name));
    const all = [...listed, ...unnamed].sort((a, b) => (a.name < b.name ? -1 : 1));
    const rows = all.map(({ name, collection, id, dimension }) => [name, collection, id, dimension ?? '-']);
    const problems = all.flatMap(({ name, problem }) =>
      problem === undefined ? [] : [`"${name}" is damaged: ${problem}`],
    );
    const text = [columns([['name', 'stored as', 'id', 'dimension'], ...rows]), ...problems].join('\n');
    output.result(all, all.length === 0 ? 'There are no collections.' : text);
  });
}

/**
 * The report on a collection that no endpoint has been asked for yet. A damaged one is listed as well, with its
 * problem.
 */
async function reportStored(ports: Ports, name: string): Promise<NameReport> {
  const place = { tenant: DEFAULT_TENANT, database: DEFAULT_DATABASE };
  const report = { name, collection: name, id: idOfStored(name), dimension: null, ...place };
  try {
    const { pointer } = await readPointer(ports, name);
    const { manifest } = await loadManifest(ports, pointer.manifest);
    return { ...report, dimension: manifest.dimension };
  } catch (error) {
    // Other errors, such as an unavailable store, say nothing about the collection.
    if (!(error instanceof CorruptObjectError || error instanceof PointerMissingError)) throw error;
    return { ...report, problem: error.message };
  }
}
