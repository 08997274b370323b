/**
 * The page's own files and the libraries that it uses, by an allow-list: nothing else on disk can be asked for.
 * TypeScript is served with its types blanked out, so that there is no build step.
 */
import { hash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire, stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export interface Asset {
  body: Buffer;
  type: string;
  etag: string;
}

const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Modules of the server that the page runs as well. */
const SHARED = ['graph/paths.ts'];
/** Where the page's import map finds each library, and the file of the installed package that stands behind it. */
const LIBRARIES: Readonly<Record<string, string>> = {
  '/vendor/preact.mjs': 'preact/dist/preact.mjs',
  '/vendor/preact-hooks.mjs': 'preact/hooks/dist/hooks.mjs',
  '/vendor/htm.mjs': 'htm/dist/htm.mjs',
  '/vendor/htm-preact.mjs': 'htm/preact/index.mjs',
};

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
  ts: 'text/javascript; charset=utf-8',
  mjs: 'text/javascript; charset=utf-8',
};

/** The one script that stands in the page itself. */
const importMap = /<script type="importmap">([\s\S]*?)<\/script>/.exec(
  readFileSync(join(HERE, 'web/index.html'), 'utf8'),
)?.[1];

/**
 * Nothing but this server's own files runs; text never becomes markup, not even by a mistake of ours (Trusted Types
 * without a policy); no other page frames this one.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `script-src 'self' 'sha256-${hash('sha256', importMap ?? '', 'base64')}'`,
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

let served: Map<string, () => Asset> | undefined;
const made = new Map<string, Asset>();

/** The file behind a path of the page, or `undefined`. */
export function assetAt(path: string): Asset | undefined {
  served ??= allowList();
  const make = served.get(path);
  if (make === undefined) return undefined;
  const asset = made.get(path) ?? make();
  made.set(path, asset);
  return asset;
}

function allowList(): Map<string, () => Asset> {
  const list = new Map<string, () => Asset>();
  const own = [...readdirSync(join(HERE, 'web')).map((name) => `web/${name}`), ...SHARED];
  for (const name of own) {
    if (/\.(ts|css|svg)$/.test(name)) list.set(`/console/${name}`, () => readAsset(join(HERE, name)));
  }
  list.set('/', () => readAsset(join(HERE, 'web/index.html')));
  for (const [path, file] of Object.entries(LIBRARIES)) list.set(path, () => readAsset(libraryFile(file)));
  return list;
}

function readAsset(file: string): Asset {
  const extension = file.slice(file.lastIndexOf('.') + 1);
  const text = readFileSync(file, 'utf8');
  const body = Buffer.from(extension === 'ts' ? stripTypeScriptTypes(text) : text);
  const etag = `"${hash('sha256', body, 'base64url').slice(0, 22)}"`;
  return { body, type: TYPES[extension] ?? 'application/octet-stream', etag };
}

/** Packages may hide single files behind `exports`, so the package's folder is found by its entry. */
function libraryFile(file: string): string {
  const [packageName = ''] = file.split('/');
  let folder = dirname(createRequire(import.meta.url).resolve(packageName));
  while (!folder.endsWith(join('node_modules', packageName))) folder = dirname(folder);
  return join(folder, file.slice(packageName.length + 1));
}
