/**
 * The page's own files and the libraries that it uses, by an allow-list: no other file on disk can be requested.
 * TypeScript is served with its types blanked out, so there is no build step.
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
/** Modules of the server that the page also runs. */
const SHARED = ['graph/paths.ts'];
/** The path of each library in the page's import map, and the file of the installed package that is served for it. */
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

/** The one inline script of the page. */
const importMap = /<script type="importmap">([\s\S]*?)<\/script>/.exec(
  readFileSync(join(HERE, 'web/index.html'), 'utf8'),
)?.[1];

/**
 * Only this server's own files run; text never becomes markup, not even by a bug (Trusted Types without a policy); no
 * other page may frame this one.
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

/** The file for a path of the page, or `undefined`. */
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

/** Packages may hide files behind `exports`, so the package's folder is found by its entry point. */
function libraryFile(file: string): string {
  const [packageName = ''] = file.split('/');
  let folder = dirname(createRequire(import.meta.url).resolve(packageName));
  while (!folder.endsWith(join('node_modules', packageName))) folder = dirname(folder);
  return join(folder, file.slice(packageName.length + 1));
}
