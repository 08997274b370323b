import type { Command } from 'commander';
import { CollectionNotFoundError } from '../../lambdas/errors/errors.ts';
import { NamesDirectory } from '../../lambdas/names/directory.ts';
import { fullName, isStored, lookUp, parseName } from '../../lambdas/names/look-up.ts';
import { withTarget } from '../command.ts';
import { confirm } from '../confirm.ts';
import { CommandFailure, EXIT } from '../output.ts';

/** `compactor drop`: the same as `delete_collection` of Chroma's clients. */
export function drop(program: Command): void {
  const command = program
    .command('drop <name>')
    .description('drop a collection from the directory of names (exit 1 if not confirmed)')
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      `
A name of the default database, or tenant/database/name. Its name is free at once, and the next collection that is called
so has nothing of this one, nor of what is still being written to it. What is stored stays under the stored name
that is printed, until garbage collection takes it, RETAIN_DAYS after its next run. Endpoints answer as Chroma does: the
collection does not exist.

Example:
  compactor drop pets
  compactor drop acme/main/pets --yes`,
    );
  withTarget<[string, { yes?: boolean }]>(
    command,
    async ({ target: { ports }, output }, given, { yes = false }) => {
      const wanted = parseName(given);
      const shown = fullName(wanted);
      const collection =
        (await lookUp(ports, wanted))?.collection ?? ((await isStored(ports, shown)) ? shown : undefined);
      if (collection === undefined) throw absent(shown);
      const question = `Drop "${shown}", which is stored as "${collection}"?`;
      if (!yes && !(await confirm(question, 'drop it'))) throw new CommandFailure('Nothing was changed.', EXIT.failed);
      const dropped = await directoryOver(ports).drop(wanted.tenant, wanted.database, wanted.name);
      if (dropped === undefined) throw absent(shown);
      const report = { name: shown, collection: dropped.collection, id: dropped.id };
      output.result(
        report,
        `"${shown}" is dropped. What is stored of it stays as "${dropped.collection}" until garbage collection takes it.`,
      );
    },
    { changes: true },
  );
}

/** Dropping never needs a collection's settings, so no engine is needed to describe one. */
function directoryOver(ports: ConstructorParameters<typeof NamesDirectory>[0]): NamesDirectory {
  return new NamesDirectory(ports, () => Promise.reject(new Error('No collection is described here.')));
}

function absent(shown: string): Error {
  return new CollectionNotFoundError(`There is no collection "${shown}". See which there are: compactor names.`);
}
