/** Finds the stored collection that is meant by what a person typed. */
import { CollectionNotFoundError } from '../lambdas/errors/errors.ts';
import { lookUp, parseName, recordOfStored } from '../lambdas/names/look-up.ts';
import { isStoredName } from '../lambdas/names/records.ts';
import type { SmallPorts } from '../lambdas/names/small-object.ts';
import { checkCollection } from '../lambdas/snapshot/keys.ts';

/**
 * A name in the directory takes precedence over the name under which a collection is stored. The stored name of a
 * collection that was dropped or renamed still leads to what is stored, and a note on standard error says so.
 * @returns its stored collection, which need not exist
 * @throws InvalidInputError, CollectionNotFoundError (a name in a database that has no such collection)
 */
export async function resolveName(
  ports: SmallPorts,
  given: string,
  tell: (text: string) => void = (text) => void process.stderr.write(text),
): Promise<string> {
  const wanted = parseName(given);
  const found = await lookUp(ports, wanted);
  if (found !== undefined) return found.collection;
  if (given.includes('/')) {
    throw new CollectionNotFoundError(
      `There is no collection "${wanted.name}" in database "${wanted.database}" of tenant "${wanted.tenant}". ` +
        'See which there are: compactor names.',
    );
  }
  checkCollection(given);
  const record = isStoredName(given) ? undefined : await recordOfStored(ports, given);
  if (record?.dropped) tell(`Note: "${given}" was dropped; this is what is still stored of it.\n`);
  else if (record !== undefined && record.name !== given) tell(`Note: "${given}" is called "${record.name}" by now.\n`);
  return given;
}
