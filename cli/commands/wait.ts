import type { Command } from 'commander';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import { checkDeltaId } from '../../lambdas/snapshot/keys.ts';
import { withCollection } from '../command.ts';
import { EXIT } from '../output.ts';
import { describeDecision, waitForDelta } from '../wait-for-delta.ts';

interface Options {
  timeout: number;
  sha256?: string;
}

/** `compactor wait`: until a delta is applied or rejected. */
export function wait(program: Command): void {
  const command = program
    .command('wait <collection> <delta-id>')
    .description('wait until a delta is applied (exit 0) or rejected (exit 3)')
    .option('--sha256 <hex>', 'of the content that is meant: exit 3 if the id stands for another')
    .option('--timeout <seconds>', 'give up after so long (exit 4)', Number, 300)
    .addHelpText(
      'after',
      '\nWithout --sha256 it tells what was decided under the id, whatever was sent: compactor submit prints the SHA-256 of\n' +
        'a delta with --json, and compactor submit --wait compares by itself. When nobody is compacting for ten seconds (nothing\n' +
        'holds the claim, and no execution of the collection runs), it says so on standard error, and why the last execution\n' +
        'failed; it goes on waiting, and looks less often.\n\n' +
        'Example:\n  compactor wait pets import-2026-11-23 --timeout 60\n' +
        '  compactor wait pets import-2026-11-23 --sha256 "$(sha256sum < changes.jsonl | cut -c -64)"',
    );
  withCollection<[string, string, Options]>(
    command,
    async (context, collection, deltaId, { timeout, sha256 }) => {
      checkDeltaId(deltaId);
      if (!(timeout >= 0)) throw new InvalidInputError('--timeout must be a number of seconds from 0 on.');
      if (sha256 !== undefined && !/^[0-9a-f]{64}$/.test(sha256)) {
        throw new InvalidInputError('--sha256 must be 64 hexadecimal digits in lower case, as sha256sum prints them.');
      }
      const status = await waitForDelta(context, { collection, deltaId, sha256, timeout });
      context.output.result({ collection, deltaId, ...status }, describeDecision({ collection, deltaId }, status));
      if (status.outcome === 'rejected') process.exitCode = EXIT.refused;
    },
    // On an embedded stack the command compacts, since nothing else does.
    { changes: ({ kind }) => kind === 'embedded' },
  );
}
