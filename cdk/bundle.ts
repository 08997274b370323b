/**
 * Bundles the handlers with esbuild, here and now: no Docker, no network, and equal sources give equal bytes, so that
 * nothing is deployed again that has not changed.
 */
import { cpSync, globSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENDPOINT_MODULE, entryOf, VERBS } from './verbs.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const IMAGE_DIRECTORY = join(ROOT, 'cdk/image');
/** What the image is made of, beside the handler's bundle. */
const IMAGE_FILES = [
  'Dockerfile',
  '.dockerignore',
  'build-tools.sh',
  'build.sh',
  'entry.sh',
  'node.sha256',
  'package.json',
  'package-lock.json',
  'verify.sh',
];

/** Some dependencies are CommonJS and call `require`, which an ES module has not. No source may use the first name. */
const REQUIRE =
  "import { createRequire as requireOfBundle } from 'node:module';\nconst require = requireOfBundle(import.meta.url);";

/**
 * Makes a directory for each verb in `out`, with an `index.mjs` and the scripts of threads beside it; in that of the image
 * there is the handler of the endpoint as well.
 */
export function bundleHandlers(out: string): void {
  // Here, since the published package comes without it, and never gets here.
  const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  const common = {
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: REQUIRE },
    // Its CommonJS form hands `require` on as an argument, so that the bundler misses what it needs.
    alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
    // Neither names nor lines are shortened: stack traces in the logs are read by them.
    minifySyntax: true,
    // Steps are logged and traced by their names.
    keepNames: true,
    legalComments: 'none',
    logLevel: 'warning',
    logOverride: { 'require-resolve-not-external': 'silent' },
    outExtension: { '.js': '.mjs' },
    outdir: out,
  } as const;
  const zips = VERBS.filter((verb) => verb !== 'MergeDeltas');
  const entryPoints = Object.fromEntries(zips.map((verb) => [`${verb}/index`, `lambdas/${entryOf(verb)}.ts`]));
  // Of threads, each beside the module that starts it (`lambdas/adapters/worker-threads.ts`).
  const workers = globSync('lambdas/**/*-worker.ts', { cwd: ROOT }).sort();
  const scripts = VERBS.flatMap((verb) => workers.map((file) => [`${verb}/${basename(file, '.ts')}`, file]));
  buildSync({ ...common, entryPoints: { ...entryPoints, ...Object.fromEntries(scripts) } });
  const image = join(out, 'MergeDeltas');
  for (const file of IMAGE_FILES) cpSync(join(IMAGE_DIRECTORY, file), join(image, file));
  const inImage = {
    'MergeDeltas/index': `lambdas/${entryOf('MergeDeltas')}.ts`,
    [`MergeDeltas/${ENDPOINT_MODULE}`]: `lambdas/${ENDPOINT_MODULE}.ts`,
  };
  // The image brings the client and the server as one locked pair.
  buildSync({ ...common, entryPoints: inImage, external: ['chromadb'] });
}
