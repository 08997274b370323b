/**
 * Bundles the handlers with esbuild, in this process: without Docker or a network, and reproducibly, so that only what
 * has changed is deployed again.
 */
import { cpSync, globSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENDPOINT_MODULE, entryOf, VERBS } from './verbs.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const IMAGE_DIRECTORY = join(ROOT, 'cdk/image');
/** What the image is made of, besides the bundled handlers. */
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

/** Some dependencies are CommonJS and call `require`, which ES modules lack. No source may use the first name. */
const REQUIRE =
  "import { createRequire as requireOfBundle } from 'node:module';\nconst require = requireOfBundle(import.meta.url);";

/**
 * Makes a directory for each verb in `out`, with an `index.mjs` and beside it the scripts of its threads. The directory
 * of the image also holds the endpoint's handler.
 */
export function bundleHandlers(out: string): void {
  // Loaded here, because the published package does not contain esbuild, and never gets here.
  const { buildSync } = createRequire(import.meta.url)('esbuild') as typeof import('esbuild');
  const common = {
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: REQUIRE },
    // Its CommonJS form passes `require` as an argument, which the bundler cannot follow.
    alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
    // Names and lines are kept: people read stack traces in the logs.
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
  // Scripts of threads, each beside the module that starts it (`lambdas/adapters/worker-threads.ts`).
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
