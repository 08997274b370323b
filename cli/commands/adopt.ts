import type { Command } from 'commander';
import { type Adopted, adoptCollection } from '../../lambdas/upkeep/adopt-collection.ts';
import { withCollection } from '../command.ts';

/** `compactor adopt`: continue a collection whose table is gone for good with this stack's table. */
export function adopt(program: Command): void {
  const command = program
    .command('adopt <collection>')
    .description('let a collection whose table is gone for good go on with the table of this stack')
    .requiredOption('--from <table>', 'the table that is given up, exactly as ForeignStoreError names it')
    .addHelpText(
      'after',
      '\nOnly when the other table is lost, or its stack is stopped for ever: which deltas it had decided is forgotten\n' +
        'with it, and one that is sent again is applied again. See docs/how-to/recover-a-lost-table.md.\n\n' +
        'Example:\n  compactor adopt pets --from "compactor#01KAT2Z5Y8Q3V7M4N6P9R1S2T3"',
    );
  withCollection<[string, { from: string }]>(
    command,
    async ({ target, output }, collection, { from }) => {
      const adopted = await adoptCollection(target.ports, { collection, from });
      output.result(adopted, describe(adopted));
    },
    { changes: true },
  );
}

function describe({ collection, changed, from, to, version }: Adopted): string {
  if (!changed) return `"${collection}" belongs to table "${to}" already. Nothing was changed.`;
  return (
    `"${collection}", at version ${version}, belongs to table "${to}" now, no longer to "${from}". ` +
    `Deltas that wait are applied by it: compactor start ${collection}.`
  );
}
