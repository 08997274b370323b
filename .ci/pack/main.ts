/**
 * `npm pack` and `npm publish` of a workspace call this before and after: `main.ts <workspace>` builds its `dist/`, and
 * `main.ts --clean <workspace>` takes that away again, so that nothing but sources lies about.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { PACKAGES } from './packages.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The end of a relative specifier of an import. */
const RELATIVE_TS = /((?:from|import\()\s*['"]\.{1,2}\/[^'"]*)\.ts(['"])/g;

const { values, positionals } = parseArgs({ options: { clean: { type: 'boolean' } }, allowPositionals: true });
const [workspace = ''] = positionals;
const finish = PACKAGES[workspace];
if (finish === undefined) throw new Error(`"${workspace}" is not packed: ${Object.keys(PACKAGES).join(', ')} are.`);
const dist = join(ROOT, workspace, 'dist');
const license = join(ROOT, workspace, 'LICENSE');

rmSync(dist, { recursive: true, force: true });
rmSync(license, { force: true });
if (!values.clean) {
  execFileSync(join(ROOT, 'node_modules/.bin/tsc'), ['-p', join(ROOT, workspace, 'tsconfig.build.json')], {
    // What npm prints of a package is its own: `--json` must stay JSON.
    stdio: ['ignore', process.stderr, process.stderr],
  });
  nameDeclarations();
  finish(ROOT, dist);
  cpSync(join(ROOT, 'LICENSE'), license);
}

/** tsc rewrites the imports of its JavaScript, not those of its declarations. */
function nameDeclarations(): void {
  for (const file of globSync('**/*.d.ts', { cwd: dist })) {
    const path = join(dist, file);
    writeFileSync(path, readFileSync(path, 'utf8').replace(RELATIVE_TS, '$1.js$2'));
  }
}
