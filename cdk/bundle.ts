/**
 * Bundles the handlers with esbuild, here and now: no Docker, no network, and equal sources give equal bytes, so that
 * nothing is deployed again that has not changed.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { entryOf, VERBS, type Verb } from './verbs.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const IMAGE_DIRECTORY = join(ROOT, 'cdk/image');
/** What the image is made of, beside the handler's bundle. */
const IMAGE_FILES = [
  'Dockerfile',
  '.dockerignore',
  'build-tools.sh',
  'build.sh',
  'package.json',
  'package-lock.json',
  'verify.sh',
];

/** Some dependencies are CommonJS and call `require`, which an ES module has not. No source may use the first name. */
const REQUIRE =
  "import { createRequire as requireOfBundle } from 'node:module';\nconst require = requireOfBundle(import.meta.url);";

/** Directories with an `index.mjs` each, by verb; that of MergeDeltas is the context of its image. */
export type Bundles = Readonly<Record<Verb, string>>;

/** The directories are removed when the process ends: the CDK copies what it uses. */
export function bundleHandlers(): Bundles {
  const out = mkdtempSync(join(tmpdir(), 'chroma-compactor-'));
  process.once('exit', () => rmSync(out, { recursive: true, force: true }));
  const common = {
    absWorkingDir: ROOT,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    banner: { js: REQUIRE },
    // Neither names nor lines are shortened: stack traces in the logs are read by them.
    minifySyntax: true,
    // Steps are logged and traced by their names.
    keepNames: true,
    legalComments: 'none',
    logLevel: 'warning',
    logOverride: { 'require-resolve-not-external': 'silent' },
    outExtension: { '.js': '.mjs' },
  } as const;
  const zips = VERBS.filter((verb) => verb !== 'MergeDeltas');
  const entryPoints = Object.fromEntries(zips.map((verb) => [`${verb}/index`, `lambdas/${entryOf(verb)}.ts`]));
  buildSync({ ...common, entryPoints, outdir: out });
  const image = join(out, 'MergeDeltas');
  mkdirSync(image);
  for (const file of IMAGE_FILES) cpSync(join(IMAGE_DIRECTORY, file), join(image, file));
  // The image brings the client and the server as one locked pair.
  buildSync({
    ...common,
    entryPoints: { index: `lambdas/${entryOf('MergeDeltas')}.ts` },
    outdir: image,
    external: ['chromadb'],
  });
  return Object.fromEntries(VERBS.map((verb) => [verb, join(out, verb)])) as unknown as Bundles;
}
