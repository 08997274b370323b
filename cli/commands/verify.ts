import type { Command } from 'commander';
import { CorruptObjectError, DirtyDirectoryError } from '../../lambdas/protocol/errors.ts';
import { verifyVersion } from '../../lambdas/steps/verify-version.ts';
import { findVersion, walkVersions } from '../../lambdas/steps/walk-versions.ts';
import { withTarget } from '../command.ts';
import { bytes, CommandFailure, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';

/** `compactor verify`: can what is stored be read whole? */
export function verify(program: Command): void {
  const command = program
    .command('verify <collection>')
    .description('check every manifest, and every frame, file and record of a version (exit 3 if damaged)')
    .option('--version <n>', 'an earlier version', Number)
    .addHelpText('after', '\nExample:\n  compactor verify pets');
  withTarget<[string, { version?: number }]>(command, async ({ target, output }, collection, options) => {
    try {
      const report = await withProgress(output, `Verifying "${collection}"`, async () => {
        let manifests = 0;
        for await (const _version of walkVersions(target.ports, collection)) manifests++;
        const loaded = await findVersion(target.ports, collection, options.version);
        return { collection, manifests, ...(await verifyVersion(target.ports, loaded)) };
      });
      const text =
        `Version ${report.version} of "${collection}" is whole: ${report.records} records, ${report.files} files, ` +
        `${bytes(report.bytes)} from ${report.packs} packs; ${report.manifests} manifests are in order.`;
      output.result({ ok: true, ...report }, text);
    } catch (error) {
      const isDamage = error instanceof CorruptObjectError || error instanceof DirtyDirectoryError;
      if (!isDamage) throw error;
      throw new CommandFailure(`${error.name}: ${error.message}`, EXIT.refused);
    }
  });
}
