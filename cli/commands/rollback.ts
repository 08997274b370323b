import type { Command } from 'commander';
import { CorruptObjectError, InvalidInputError } from '../../lambdas/errors/errors.ts';
import { type RolledBack, rollback as rollBack } from '../../lambdas/upkeep/rollback.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { withCollection } from '../command.ts';
import { confirm } from '../confirm.ts';
import { CommandFailure, count, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';

/** `compactor rollback`: an older version becomes current again, as a version of its own. */
export function rollback(program: Command): void {
  const command = program
    .command('rollback <collection> <version>')
    .description(
      'make a new version with the content of an older one (exit 1 if not confirmed, 2 without --yes if there is no ' +
        'terminal to confirm on, 3 if the older version is damaged)',
    )
    .option('-y, --yes', 'do not ask')
    .addHelpText(
      'after',
      '\nDeltas of the versions in between stay decided: they are not applied again. Nothing is deleted, and rolling\n' +
        'back to the version that was current before goes forward again.\n\n' +
        'Example:\n  compactor versions pets\n  compactor rollback pets 12 --yes',
    );
  withCollection<[string, string, { yes?: boolean }]>(
    command,
    async ({ target, output }, collection, text, { yes = false }) => {
      const version = parseVersion(text);
      const { pointer } = await readPointer(target.ports, collection);
      const question = `Replace version ${pointer.version} of "${collection}" by the content of version ${version}?`;
      if (!yes && !(await confirm(question, 'roll back')))
        throw new CommandFailure('Nothing was changed.', EXIT.failed);
      const request = { collection, version, actor: 'compactor rollback' };
      const done = await withProgress(output, `Rolling back "${collection}"`, () =>
        rollBack(target.ports, request).catch((error: unknown) => {
          if (!(error instanceof CorruptObjectError)) throw error;
          throw new CommandFailure(`${error.name}: ${error.message}`, EXIT.refused);
        }),
      );
      output.result(done, describe(done));
    },
    { changes: true },
  );
}

function parseVersion(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new InvalidInputError(`"${text}" is no version: give its number, as compactor versions lists it.`);
}

function describe({ collection, version, restored, replaced, records, undoneDeltas }: RolledBack): string {
  const undone = restored + 1 === replaced ? `version ${replaced}` : `versions ${restored + 1} to ${replaced}`;
  return (
    `Version ${version} of "${collection}" has the content of version ${restored}: ${count(records, 'record')}. ` +
    `${count(undoneDeltas, 'delta')} of ${undone} ${undoneDeltas === 1 ? 'is' : 'are'} undone. ` +
    `To go forward again: compactor rollback ${collection} ${replaced}.`
  );
}
