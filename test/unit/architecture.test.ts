/**
 * The layers of lambdas/, held by reading imports. Every rule is tried on a planted violation as well, so that none of
 * them can pass by looking at nothing.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Not counting comments: documentation must never be what makes a file too long. */
const MAX_LINES = 260;
/** Comments and all. */
const USUAL_LINES = 200;
const MAX_HANDLER_LINES = 60;

interface Source {
  /** From the project root, `/`-separated. */
  path: string;
  text: string;
}
interface Import {
  /** A package, or the path of a file from the project root. */
  target: string;
  /** Between `import` and `from`. */
  clause: string;
}
interface Rule {
  name: string;
  check(source: Source): string[];
  /** A file that breaks the rule and nothing else. */
  planted: Source[];
}

/** Source without comments. Strings are matched first, so that a URL in one is no comment. */
function code({ text }: Source): string {
  const stringOrComment = /(['"`])(?:\\.|(?!\1)[^\\])*\1|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  return text.replace(stringOrComment, (match) => (match.startsWith('/') ? '' : match));
}

function imports(source: Source): Import[] {
  const forms = [
    /\b(?:import|export)\b([^'"`;]*?)\bfrom\s*['"]([^'"]+)['"]/g,
    /(?<!['"`])\bimport()\s*['"]([^'"]+)['"]/g,
    /\b(?:import|require)()\s*\(\s*['"`]([^'"`]+)['"`]/g,
  ];
  const found = forms.flatMap((form) => [...code(source).matchAll(form)]);
  return found.map(([, clause = '', specifier = '']) => {
    const isFile = specifier.startsWith('.');
    return { clause, target: isFile ? posix.join(posix.dirname(source.path), specifier) : specifier };
  });
}

/** The rooms of each floor, from the bottom. A room sees its own floor's lower neighbours never, and all floors below. */
const FLOORS: readonly string[][] = [
  ...[['errors'], ['snapshot'], ['protocol'], ['ports']],
  ...[['concurrency'], ['objects'], ['versions'], ['commit', 'inbox'], ['log'], ['merge']],
  ['serving', 'names'],
  ['compaction', 'triggers', 'producer', 'reader', 'upkeep'],
  ['endpoint'],
];
const PURE = ['errors', 'snapshot', 'protocol'];
/** What is done, over ports. */
const VERBS = FLOORS.slice(4).flat();
const OUTSIDE = ['adapters', 'runtime'];

const roomOf = (path: string) => /^lambdas\/([^/]+)\//.exec(path)?.[1] ?? '';
const floorOf = (path: string) => FLOORS.findIndex((rooms) => rooms.includes(roomOf(path)));

const within = (path: string, ...folders: string[]) => folders.some((folder) => path.startsWith(`lambdas/${folder}/`));
const isPackage = (target: string) => !/^(lambdas|statemachine|local|cli|test|bench|cdk)\//.test(target);
const isHandler = (path: string) => /^lambdas\/[^/]+\.ts$/.test(path) && !/\/(ports|handlers|index)\.ts$/.test(path);
const lines = (source: Source) => source.text.trimEnd().split('\n').length;

/** Only its hashes, and how they are compared: the rest of node:crypto draws random numbers. */
function isHashing({ target, clause }: Import): boolean {
  const pure = /^\s*(type\s+)?\{\s*((createHash|hash|timingSafeEqual|type Hash)[\s,]*)+\}\s*$/;
  return target === 'node:crypto' && pure.test(clause);
}

/** Hono without a server: it needs nothing but what it is given. */
function isRouter(target: string): boolean {
  return ['hono', 'hono/body-limit'].includes(target);
}

/** A rule on what the files of some folders may import. */
function mayImport(
  name: string,
  from: string[],
  allowed: (found: Import, path: string) => boolean,
  planted: Source[],
): Rule {
  const check = (source: Source) =>
    within(source.path, ...from)
      ? imports(source)
          .filter((found) => !allowed(found, source.path))
          .map(({ target }) => `imports ${target}`)
      : [];
  return { name, check, planted };
}

/** A rule on text that must not stand in files. */
function mustNotSay(name: string, applies: (path: string) => boolean, forbidden: RegExp, planted: Source[]): Rule {
  const check = (source: Source) =>
    applies(source.path) ? [...code(source).matchAll(forbidden)].map(([match]) => `says ${match}`) : [];
  return { name, check, planted };
}

const plant = (path: string, ...texts: string[]): Source[] => texts.map((text) => ({ path: `lambdas/${path}`, text }));

const RULES: Rule[] = [
  {
    name: 'arrows between rooms go down: to a lower floor, never to a neighbour',
    check: (source) =>
      floorOf(source.path) < 0
        ? []
        : imports(source)
            .filter(({ target }) => roomOf(target) !== '' && roomOf(target) !== roomOf(source.path))
            .filter(({ target }) => floorOf(target) < 0 || floorOf(target) >= floorOf(source.path))
            .map(({ target }) => `imports ${target}`),
    planted: [
      ...plant('errors/x.ts', `import { sha256 } from '../snapshot/blocks.ts';`),
      ...plant('snapshot/x.ts', `import { plan } from '../protocol/plan.ts';`),
      ...plant('protocol/x.ts', `import type { Ports } from '../ports/store.ts';`),
      ...plant('versions/x.ts', `import { publishVersion } from '../commit/publish.ts';`),
      ...plant('inbox/x.ts', `import { publishVersion } from '../commit/publish.ts';`),
      ...plant('commit/x.ts', `import { applyDeltas } from '../merge/apply-deltas.ts';`),
      ...plant('upkeep/x.ts', `import { uploadSnapshot } from '../compaction/upload-snapshot.ts';`),
      ...plant('merge/x.ts', `import { S3Store } from '../adapters/store/s3-store.ts';`),
    ],
  },
  mayImport(
    'the pure rooms import only each other, hashes, zlib, zod and a parser of JSON',
    PURE,
    (found) =>
      within(found.target, ...PURE) || ['zod', 'jsonc-parser', 'node:zlib'].includes(found.target) || isHashing(found),
    plant(
      'snapshot/x.ts',
      `import { readFile } from 'node:fs/promises';`,
      `import { hash, randomUUID } from 'node:crypto';`,
      `import * as crypto from 'node:crypto';`,
      `import type { Ports } from '../ports.ts';`,
      `export { x } from '../merge/x.ts';`,
      `import 'node:net';`,
      `const fs = await import('node:fs');`,
      `import {\n  S3Client,\n  type Body,\n} from '@aws-sdk/client-s3';`,
    ),
  ),
  mayImport(
    'ports/ import only each other and the pure rooms; all others see them through ports.ts',
    ['ports'],
    (found) => within(found.target, 'ports', ...PURE),
    plant('ports/x.ts', `import { z } from 'zod';`, `import { hydrate } from '../versions/hydrate.ts';`),
  ),
  mayImport(
    'the rooms of verbs import only ports.ts, the pure rooms, each other, the contract, hashes and zod; endpoint/ a router',
    VERBS,
    (found, from) =>
      within(found.target, ...PURE, ...VERBS) ||
      (within(from, 'endpoint') && isRouter(found.target)) ||
      ['lambdas/ports.ts', 'statemachine/contract.ts', 'zod'].includes(found.target) ||
      isHashing(found),
    plant(
      'merge/x.ts',
      `import { S3Store } from '../adapters/store/s3-store.ts';`,
      `import { parseConfig } from '../runtime/config.ts';`,
      `import { setTimeout as sleep } from 'node:timers/promises';`,
      `import { randomBytes } from 'node:crypto';`,
      `import definition from '../../statemachine/compaction.asl.json' with { type: 'json' };`,
    ),
  ),
  {
    name: 'no verb imports a verb: what a handler calls, nothing else does',
    check: (source) =>
      isHandler(source.path) || !within(source.path, ...VERBS)
        ? []
        : imports(source)
            .filter(({ target }) => CALLED.has(target))
            .map(({ target }) => `imports ${target}`),
    planted: plant('compaction/x.ts', `import { swapPointer } from './swap-pointer.ts';`),
  },
  {
    name: 'pointers are moved in commit/publish.ts only',
    check: (source) =>
      source.path !== 'lambdas/commit/publish.ts' && within(source.path, ...VERBS)
        ? [...code(source).matchAll(/\bputIfMatch\(\s*pointerKey\b/g)].map(([match]) => `says ${match}`)
        : [],
    planted: plant('upkeep/x.ts', 'await ports.store.putIfMatch(pointerKey(collection), body, etag);'),
  },
  mayImport(
    'adapters/ import no verbs, handlers or runtime',
    ['adapters'],
    ({ target }) => isPackage(target) || within(target, 'adapters', ...PURE) || target === 'lambdas/ports.ts',
    plant(
      'adapters/x.ts',
      `import { hydrate } from '../versions/hydrate.ts';`,
      `import { handler } from '../swap.ts';`,
    ),
  ),
  {
    name: 'only adapters/ and runtime/ import an SDK, the file system, processes or the engine',
    check: (source) =>
      within(source.path, 'adapters', 'runtime')
        ? []
        : imports(source)
            .filter((found) => isPackage(found.target))
            .filter(({ target }) => !['zod', 'jsonc-parser', 'node:zlib', 'node:crypto'].includes(target))
            .filter(({ target }) => !(within(source.path, 'endpoint') && isRouter(target)))
            .map(({ target }) => `imports ${target}`),
    planted: plant(
      'ports.ts',
      `import type { S3Client } from '@aws-sdk/client-s3';`,
      `import type { Stats } from 'node:fs';`,
      `import { spawn } from 'node:child_process';`,
      `export * from 'chromadb';`,
      `export type Client = import('chromadb').ChromaClient;`,
      `const { ChromaClient } = require('chromadb');`,
      `import { Hono } from 'hono';`,
    ),
  },
  {
    name: 'nothing but runtime/ knows which adapters there are',
    check: (source) =>
      within(source.path, 'adapters', 'runtime')
        ? []
        : imports(source)
            .filter((found) => within(found.target, 'adapters'))
            .map(({ target }) => `imports ${target}`),
    planted: plant('handlers.ts', `import { openStore } from './adapters/store/open-store.ts';`),
  },
  {
    name: 'no file of lambdas/ imports what does not ship with it',
    check: (source) =>
      imports(source)
        .filter((found) => !isPackage(found.target))
        .filter(({ target }) => !target.startsWith('lambdas/') && target !== 'statemachine/contract.ts')
        .map(({ target }) => `imports ${target}`),
    planted: plant(
      'adapters/x.ts',
      ...['local', 'cli', 'test', 'bench', 'cdk'].map((folder) => `import { x } from '../../${folder}/x.ts';`),
    ),
  },
  {
    name: `a handler has at most ${MAX_HANDLER_LINES} lines and imports only makeHandler and one verb, or the endpoint`,
    check: (source) => {
      if (!isHandler(source.path)) return [];
      const targets = imports(source).map(({ target }) => target);
      const runtime = targets.find((target) => target === 'lambdas/runtime/handler.ts');
      const [step, ...more] = targets.filter((target) => target !== runtime);
      // An endpoint is no verb: it lasts from one request to the next, and needs an engine of its own.
      const isStep = within(step ?? '', ...VERBS) || step === 'lambdas/runtime/function-url.ts';
      const isThin = runtime !== undefined && isStep && more.length === 0;
      const isShort = lines(source) <= MAX_HANDLER_LINES;
      return [...(isThin ? [] : [`imports ${targets.join(', ')}`]), ...(isShort ? [] : [`has ${lines(source)} lines`])];
    },
    planted: plant(
      'swap-pointer.ts',
      `import { makeHandler } from './runtime/handler.ts';`,
      `import { makeHandler } from './runtime/handler.ts';\nimport { a } from './merge/a.ts';\nimport { b } from './merge/b.ts';`,
      `import { makeHandler } from './runtime/handler.ts';\nimport { a } from './protocol/plan.ts';`,
      `import { makeHandler } from './runtime/handler.ts';\nimport { a } from './runtime/compose.ts';`,
      `import { makeHandler } from './runtime/handler.ts';\nimport { a } from './merge/a.ts';${'\na();'.repeat(60)}`,
    ),
  },
  mustNotSay(
    'the pure rooms and the verbs read no clock, draw no random numbers and see no environment',
    (path) => within(path, ...PURE, ...VERBS),
    /\bDate\.now\b|\bDate\(\s*\)|\bMath\.random\b|\bperformance\.|\bset(Timeout|Interval|Immediate)\b|\bprocess\.|\bcrypto\.|\bfetch\(/g,
    plant(
      'protocol/x.ts',
      'const now = Date.now();',
      'const now = new Date().toISOString();',
      'const jitter = Math.random();',
      'const now = performance.now();',
      'setTimeout(retry, 100);',
      'const table = process.env.TABLE_NAME;',
      'const id = crypto.randomUUID();',
      'const id = globalThis.crypto.randomUUID();',
    ),
  ),
  mustNotSay(
    'object keys are built in snapshot/keys.ts and snapshot/name-keys.ts only',
    (path) => !['lambdas/snapshot/keys.ts', 'lambdas/snapshot/name-keys.ts'].includes(path),
    /['"`](pointers|manifests|packs|deltas|rejected|names|collections|databases|tenants)\//g,
    plant('merge/x.ts', 'const key = `packs/$' + '{collection}/x.pack`;', `const prefix = 'deltas/';`),
  ),
  mustNotSay(
    'threads are started in adapters/worker-threads.ts only, from files',
    (path) => path !== 'lambdas/adapters/worker-threads.ts',
    /\bnew Worker\(|\beval: true\b/g,
    plant('adapters/x.ts', 'const worker = new Worker(SCRIPT);', 'startThread(SCRIPT, { eval: true });'),
  ),
  {
    name: `no file has more than ${MAX_LINES} lines of code`,
    check: (source) => {
      const count = code(source).match(/^.*\S.*$/gm)?.length ?? 0;
      return count > MAX_LINES ? [`has ${count} lines of code`] : [];
    },
    planted: plant('merge/x.ts', 'a();\n'.repeat(MAX_LINES + 1)),
  },
];

const SOURCES: Source[] = readdirSync(`${ROOT}lambdas`, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `lambdas/${name.replaceAll('\\', '/')}`)
  .map((path) => ({ path, text: readFileSync(ROOT + path, 'utf8') }));

/** What handlers call. */
const CALLED = new Set(
  SOURCES.filter(({ path }) => isHandler(path))
    .flatMap(imports)
    .map(({ target }) => target)
    .filter((target) => within(target, ...VERBS)),
);

describe('lambdas/', () => {
  it('is read whole, imports and all', () => {
    const folders = new Set(SOURCES.map(({ path }) => path.split('/').slice(1, -1)[0]));
    expect(folders).toEqual(new Set([undefined, ...OUTSIDE, ...FLOORS.flat()]));
    const targets = new Set(SOURCES.flatMap(imports).map(({ target }) => target));
    for (const target of ['zod', 'chromadb', '@aws-sdk/client-s3', 'node:fs/promises'])
      expect(targets).toContain(target);
    const missing = [...targets].filter(
      (target) => target.startsWith('lambdas/') && !SOURCES.some(({ path }) => path === target),
    );
    expect(missing).toEqual([]);
  });

  it.each([...OUTSIDE, ...FLOORS.flat()])('%s has a README that names exactly what it imports', (room) => {
    const text = readFileSync(`${ROOT}lambdas/${room}/README.md`, 'utf8');
    const named = /^\*\*May import:\*\* ([a-z, ]+)/m.exec(text)?.[1] ?? '';
    const inRoom = SOURCES.filter(({ path }) => roomOf(path) === room).flatMap(imports);
    const rooms = new Set(inRoom.map(({ target }) => roomOf(target)).filter((other) => other !== '' && other !== room));

    expect(named.startsWith('nothing') ? [] : named.split(', ')).toEqual([...rooms].sort());
    expect(text.match(/\n/g)?.length).toBeLessThanOrEqual(16);
  });

  it.each(RULES)('obeys: $name', ({ check }) => {
    expect(SOURCES.flatMap((source) => check(source).map((what) => `${source.path} ${what}`))).toEqual([]);
  });

  it.each(RULES)('would be caught breaking: $name', ({ check, planted }) => {
    for (const source of planted) expect(check(source), source.text).toHaveLength(1);
  });

  it('may break no rule in a comment', () => {
    const text = `/** Not Date.now(), see 'packs/x'. */\n// import 'node:fs';\nconst url = 'https://docs';\n`;
    for (const { check } of RULES.filter((rule) => !rule.name.startsWith('a handler'))) {
      expect(check({ path: 'lambdas/protocol/x.ts', text })).toEqual([]);
    }
  });

  it(`is mostly of files with at most ${USUAL_LINES} lines`, () => {
    const long = SOURCES.filter((source) => lines(source) > USUAL_LINES).map(({ path }) => path);
    expect(long.length, long.join(', ')).toBeLessThanOrEqual(SOURCES.length / 10);
  });
});
