import type { Command } from 'commander';
import { CorruptObjectError, DirtyDirectoryError, InvalidInputError } from '../../lambdas/errors/errors.ts';
import { verifyDeep } from '../../lambdas/upkeep/verify-deep.ts';
import { verifyVersion } from '../../lambdas/upkeep/verify-version.ts';
import type { LoadedManifest } from '../../lambdas/versions/load-manifest.ts';
import { findVersion, walkVersions } from '../../lambdas/versions/walk-versions.ts';
import { type Context, withCollection } from '../command.ts';
import { bytes, CommandFailure, columns, EXIT } from '../output.ts';
import { withProgress } from '../progress.ts';

/** `compactor verify`: can what is stored be read whole? */
export function verify(program: Command): void {
  const command = program
    .command('verify <collection>')
    .description('check that what is stored can be read whole (exit 3 if damaged)')
    .option('--version <n>', 'an earlier version', Number)
    .option('--deep', 'all retained versions (or the one named), and every byte of every pack')
    .addHelpText(
      'after',
      '\nPlain, it checks every manifest, and every frame in use, every file, the database (SQLite quick check) and the number of\n' +
        'records of the current version. Nothing is taken from a cache.\n\n' +
        'Example:\n  compactor verify pets\n  compactor verify pets --deep',
    );
  withCollection<[string, { version?: number; deep?: boolean }]>(
    command,
    async ({ target, output }, collection, options) => {
      try {
        if (options.deep === true) {
          await checkDeeply({ target, output }, collection, options.version);
          return;
        }
        const report = await withProgress(output, `Verifying "${collection}"`, async () => {
          let manifests = 0;
          let wanted: LoadedManifest | undefined;
          for await (const loaded of walkVersions(target.ports, collection)) {
            manifests++;
            if (options.version === undefined || loaded.manifest.version === options.version) wanted ??= loaded;
          }
          // Without it, the search says which there are.
          const loaded = wanted ?? (await findVersion(target.ports, collection, options.version));
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
    },
  );
}

async function checkDeeply({ target, output }: Context, collection: string, version?: number): Promise<void> {
  const report = await withProgress(output, `Verifying "${collection}"`, (tell) =>
    verifyDeep(target.ports, collection, version, tell),
  );
  if (report.versions.length === 0) {
    throw new InvalidInputError(
      `Version ${version} of "${collection}" is not retained. See: compactor versions ${collection}.`,
    );
  }
  const rows = report.versions.map((each) => [each.version, each.records, each.files, bytes(each.bytes), each.packs]);
  const text =
    `${columns([['version', 'records', 'files', 'snapshot', 'packs'], ...rows])}\n` +
    `All of "${collection}" is whole: ${report.versions.length} versions, ${report.packs} packs (${bytes(report.packBytes)}).`;
  output.result({ ok: true, ...report }, text);
}
