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
    /\bimport()\s*['"]([^'"]+)['"]/g,
    /\b(?:import|require)()\s*\(\s*['"`]([^'"`]+)['"`]/g,
  ];
  const found = forms.flatMap((form) => [...code(source).matchAll(form)]);
  return found.map(([, clause = '', specifier = '']) => {
    const isFile = specifier.startsWith('.');
    return { clause, target: isFile ? posix.join(posix.dirname(source.path), specifier) : specifier };
  });
}

const within = (path: string, ...folders: string[]) => folders.some((folder) => path.startsWith(`lambdas/${folder}/`));
const isPackage = (target: string) => !/^(lambdas|statemachine|local|cli|test|bench|cdk)\//.test(target);
const isHandler = (path: string) => /^lambdas\/[^/]+\.ts$/.test(path) && !/\/(ports|handlers|index)\.ts$/.test(path);
const lines = (source: Source) => source.text.trimEnd().split('\n').length;

/** Only its hashes: the rest of node:crypto draws random numbers. */
function isHashing({ target, clause }: Import): boolean {
  return target === 'node:crypto' && /^\s*(type\s+)?\{\s*((createHash|hash|type Hash)[\s,]*)+\}\s*$/.test(clause);
}

/** A rule on what the files of some folders may import. */
function mayImport(name: string, from: string[], allowed: (found: Import) => boolean, planted: Source[]): Rule {
  const check = (source: Source) =>
    within(source.path, ...from)
      ? imports(source)
          .filter((found) => !allowed(found))
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
  mayImport(
    'protocol/ and snapshot/ import only each other, hashes, zlib and zod',
    ['protocol', 'snapshot'],
    (found) =>
      within(found.target, 'protocol', 'snapshot') || ['zod', 'node:zlib'].includes(found.target) || isHashing(found),
    plant(
      'snapshot/x.ts',
      `import { readFile } from 'node:fs/promises';`,
      `import { hash, randomUUID } from 'node:crypto';`,
      `import * as crypto from 'node:crypto';`,
      `import type { Ports } from '../ports.ts';`,
      `export { x } from '../steps/x.ts';`,
      `import 'node:net';`,
      `const fs = await import('node:fs');`,
      `import {\n  S3Client,\n  type Body,\n} from '@aws-sdk/client-s3';`,
    ),
  ),
  mayImport(
    'ports/ import only each other, protocol and snapshot; all others see them through ports.ts',
    ['ports'],
    (found) => within(found.target, 'ports', 'protocol', 'snapshot'),
    plant('ports/x.ts', `import { z } from 'zod';`, `import { hydrate } from '../steps/hydrate.ts';`),
  ),
  mayImport(
    'steps/ import only ports, protocol, snapshot, each other, the contract, hashes and zod',
    ['steps'],
    (found) =>
      within(found.target, 'protocol', 'snapshot', 'steps') ||
      ['lambdas/ports.ts', 'statemachine/contract.ts', 'zod'].includes(found.target) ||
      isHashing(found),
    plant(
      'steps/x.ts',
      `import { S3Store } from '../adapters/store/s3-store.ts';`,
      `import { parseConfig } from '../runtime/config.ts';`,
      `import { setTimeout as sleep } from 'node:timers/promises';`,
      `import { randomBytes } from 'node:crypto';`,
      `import definition from '../../statemachine/compaction.asl.json' with { type: 'json' };`,
    ),
  ),
  mayImport(
    'adapters/ import no steps, handlers or runtime',
    ['adapters'],
    ({ target }) =>
      isPackage(target) || within(target, 'adapters', 'protocol', 'snapshot') || target === 'lambdas/ports.ts',
    plant('adapters/x.ts', `import { hydrate } from '../steps/hydrate.ts';`, `import { handler } from '../swap.ts';`),
  ),
  {
    name: 'only adapters/ and runtime/ import an SDK, the file system, processes or the engine',
    check: (source) =>
      within(source.path, 'adapters', 'runtime')
        ? []
        : imports(source)
            .filter((found) => isPackage(found.target))
            .filter(({ target }) => !['zod', 'node:zlib', 'node:crypto'].includes(target))
            .map(({ target }) => `imports ${target}`),
    planted: plant(
      'ports.ts',
      `import type { S3Client } from '@aws-sdk/client-s3';`,
      `import type { Stats } from 'node:fs';`,
      `import { spawn } from 'node:child_process';`,
      `export * from 'chromadb';`,
      `export type Client = import('chromadb').ChromaClient;`,
      `const { ChromaClient } = require('chromadb');`,
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
    name: `a handler has at most ${MAX_HANDLER_LINES} lines and imports only makeHandler and one step`,
    check: (source) => {
      if (!isHandler(source.path)) return [];
      const targets = imports(source).map(({ target }) => target);
      const [runtime, step, ...more] = targets.sort();
      const isThin = runtime === 'lambdas/runtime/handler.ts' && within(step ?? '', 'steps') && more.length === 0;
      const isShort = lines(source) <= MAX_HANDLER_LINES;
      return [...(isThin ? [] : [`imports ${targets.join(', ')}`]), ...(isShort ? [] : [`has ${lines(source)} lines`])];
    },
    planted: plant(
      'swap-pointer.ts',
      `import { makeHandler } from './runtime/handler.ts';`,
      `import { makeHandler } from './runtime/handler.ts';\nimport { a } from './steps/a.ts';\nimport { b } from './steps/b.ts';`,
      `import { makeHandler } from './runtime/handler.ts';\nimport { a } from './protocol/plan.ts';`,
      `import { makeHandler } from './runtime/handler.ts';\nimport { a } from './steps/a.ts';${'\na();'.repeat(60)}`,
    ),
  },
  mustNotSay(
    'protocol/, snapshot/ and steps/ read no clock, draw no random numbers and see no environment',
    (path) => within(path, 'protocol', 'snapshot', 'steps'),
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
    'object keys are built in snapshot/keys.ts only',
    (path) => path !== 'lambdas/snapshot/keys.ts',
    /['"`](pointers|manifests|packs|deltas|rejected)\//g,
    plant('steps/x.ts', 'const key = `packs/$' + '{collection}/x.pack`;', `const prefix = 'deltas/';`),
  ),
  {
    name: `no file has more than ${MAX_LINES} lines of code`,
    check: (source) => {
      const count = code(source).match(/^.*\S.*$/gm)?.length ?? 0;
      return count > MAX_LINES ? [`has ${count} lines of code`] : [];
    },
    planted: plant('steps/x.ts', 'a();\n'.repeat(MAX_LINES + 1)),
  },
];

const SOURCES: Source[] = readdirSync(`${ROOT}lambdas`, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => `lambdas/${name.replaceAll('\\', '/')}`)
  .map((path) => ({ path, text: readFileSync(ROOT + path, 'utf8') }));

describe('lambdas/', () => {
  it('is read whole, imports and all', () => {
    const folders = new Set(SOURCES.map(({ path }) => path.split('/').slice(1, -1)[0]));
    expect(folders).toEqual(new Set([undefined, 'adapters', 'ports', 'protocol', 'runtime', 'snapshot', 'steps']));
    const targets = new Set(SOURCES.flatMap(imports).map(({ target }) => target));
    for (const target of ['zod', 'chromadb', '@aws-sdk/client-s3', 'node:fs/promises'])
      expect(targets).toContain(target);
    const missing = [...targets].filter(
      (target) => target.startsWith('lambdas/') && !SOURCES.some(({ path }) => path === target),
    );
    expect(missing).toEqual([]);
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
