/** What each package consists of beside what `tsc` makes of its sources. See docs/adr/0050-packages.md. */
import { chmodSync, cpSync, globSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findHandlers, packHandlers } from '../../cdk/handlers.ts';

/**
 * By the folder of its workspace: puts data files where the compiled code looks for them, which is where they lie in the
 * checkout.
 * @param root The checkout; @param dist Where the compiler has written to.
 */
export const PACKAGES: Readonly<Record<string, (root: string, dist: string) => void>> = {
  lambdas: () => {},
  cli: (root, dist) => {
    copyDefinitions(root, dist);
    // The console's page is served as it is: its server takes the types off.
    cpSync(join(root, 'local/console/web'), join(dist, 'local/console/web'), { recursive: true });
    cpSync(join(root, 'local/console/graph/paths.ts'), join(dist, 'local/console/graph/paths.ts'));
    for (const command of ['cli/bin.js', 'local/bin.js']) chmodSync(join(dist, command), 0o755);
  },
  cdk: (root, dist) => {
    copyDefinitions(root, dist);
    // Bundled here, so that whoever deploys needs neither the sources nor a bundler.
    writeFileSync(join(dist, 'cdk/handlers.json.br'), packHandlers(dirname(findHandlers().MergeDeltas)));
  },
};

function copyDefinitions(root: string, dist: string): void {
  for (const file of globSync('statemachine/*.asl.json', { cwd: root })) cpSync(join(root, file), join(dist, file));
}
