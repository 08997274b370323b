/**
 * The code of the functions, as directories. The published package carries the bundles in one compressed file: they
 * have nearly everything in common, so 50 MB shrink to less than 1 MB. In a checkout they are bundled from the sources.
 */
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { bundleHandlers } from './bundle.ts';
import { VERBS, type Verb } from './verbs.ts';

/** One directory with an `index.mjs` per verb; that of MergeDeltas is the build context of its image. */
export type Bundles = Readonly<Record<Verb, string>>;

/** Mode and text of each file, by path. */
type Packed = Record<string, [mode: number, text: string]>;

const PACKED = new URL('./handlers.json.br', import.meta.url);
let made: Bundles | undefined;

/** The directories are made once per process, and removed when it ends: the CDK copies what it uses. */
export function findHandlers(): Bundles {
  made ??= makeDirectory(existsSync(PACKED) ? (out) => unpackHandlers(readFileSync(PACKED), out) : bundleHandlers);
  return made;
}

/** @param make Fills the given directory with one directory per verb. */
export function makeDirectory(make: (out: string) => void): Bundles {
  const out = mkdtempSync(join(tmpdir(), 'chroma-compactor-'));
  process.once('exit', () => rmSync(out, { recursive: true, force: true }));
  make(out);
  return Object.fromEntries(VERBS.map((verb) => [verb, join(out, verb)])) as unknown as Bundles;
}

/** The content of the published package's compressed file. */
export function packHandlers(directory: string): Uint8Array {
  const files = globSync('**', { cwd: directory }).sort();
  const packed: Packed = {};
  for (const path of files) {
    const { mode } = statSync(join(directory, path));
    if (statSync(join(directory, path)).isFile()) {
      packed[path] = [mode & 0o777, readFileSync(join(directory, path), 'utf8')];
    }
  }
  // A window that spans several functions finds what they have in common; a higher quality gains little.
  const params = {
    [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
    [constants.BROTLI_PARAM_QUALITY]: 6,
  };
  return brotliCompressSync(JSON.stringify(packed), { params });
}

/** Unpacks below `out` what `packHandlers` has packed. */
export function unpackHandlers(packed: Uint8Array, out: string): void {
  const files = JSON.parse(brotliDecompressSync(packed).toString()) as Packed;
  for (const [path, [mode, text]] of Object.entries(files)) {
    const file = join(out, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    chmodSync(file, mode);
  }
}
