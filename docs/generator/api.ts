/** docs/reference/api.md: what the package exports, by its declarations and docstrings. */
import { type Exported, type Module, readModules } from './declarations.ts';
import { anchor, code, fence, heading, list, page, table } from './markdown.ts';

/** What `exports` of package.json offers, by the source that it is built from. */
const ENTRIES = { 'chroma-compactor': 'lambdas/index.ts', 'chroma-compactor/query': 'lambdas/query.ts' } as const;

/** Of a declaration. */
const MAX_LINES = 60;

const SECTIONS: ReadonlyArray<[Exported['kind'], title: string]> = [
  ['function', 'Functions'],
  ['class', 'Classes'],
  ['type', 'Types'],
  ['constant', 'Constants'],
];

/** @throws Error when the compiler refuses the project */
export function apiPage(): string {
  const sources = Object.values(ENTRIES);
  const modules = readModules(sources);
  return page(
    heading('Library', ...sources),
    `For producers and readers in TypeScript or JavaScript. [Read from a service](../how-to/read-from-a-service.md) and [serve queries by Lambda](../how-to/serve-queries-by-lambda.md) show it in use. Whatever is not on this page is internal, and may change with any release.`,
    ...Object.keys(ENTRIES).map((specifier, index) => entry(specifier, modules[index] as Module)),
  );
}

function entry(specifier: string, { description, exports }: Module): string {
  const errors = exports.filter(({ kind }) => kind === 'error');
  return page(
    `## ${specifier}`,
    ...description,
    ...(exports.length < 3 ? exports.map(section) : SECTIONS.map(([kind, title]) => kindSection(kind, title, exports))),
    ...(errors.length === 0 ? [] : [errorsSection(errors)]),
  );
}

function kindSection(kind: Exported['kind'], title: string, exports: readonly Exported[]): string {
  const anchors = anchorsOf(exports);
  const found = exports.filter((each) => each.kind === kind);
  const links = found.map((each) => `[${code(each.name)}](#${anchors.get(each)})`);
  return page(`### ${title}`, links.join(', '), ...found.map(section));
}

function section({ name, declaration, description, tags }: Exported): string {
  return page(
    `#### ${name}`,
    ...description,
    fence(shortened(declaration), 'ts'),
    ...(tags.length === 0 ? [] : [list(tags.map(sentence))]),
  );
}

/** A catalogue is shown by its first entry. */
function shortened(declaration: string): string {
  const lines = declaration.split('\n');
  if (lines.length <= MAX_LINES) return declaration;
  const end = lines.indexOf('  };');
  return [...lines.slice(0, end + 1), '  // and so on', ...lines.slice(-1)].join('\n');
}

function sentence({ tag, text }: Exported['tags'][number]): string {
  const titles: Record<string, string> = { returns: 'Returns', throws: 'Throws' };
  if (tag !== 'param') return `**${titles[tag] ?? tag}** ${text}`;
  const [name = '', ...rest] = text.split(' ');
  return `${code(name)}: ${rest.join(' ')}`;
}

function errorsSection(errors: readonly Exported[]): string {
  const rows = errors.map(({ name, description }) => [
    name === 'CompactorError' ? code(name) : `[${code(name)}](errors.md#${anchor(name)})`,
    description.join(' '),
  ]);
  return page(
    '### Errors',
    'All extend `CompactorError`, and have their class name as `name`, which never changes. [Errors](errors.md) has the cause and the remedy of each.',
    table(['class', 'meaning'], rows),
  );
}

/** Of each export, in the order of the page: GitHub ignores case, and numbers a heading that comes again (`float`, `Float`). */
function anchorsOf(exports: readonly Exported[]): Map<Exported, string> {
  const seen = new Map<string, number>();
  const inOrder = SECTIONS.flatMap(([kind]) => exports.filter((each) => each.kind === kind));
  return new Map(
    inOrder.map((each) => {
      const name = anchor(each.name);
      const count = seen.get(name) ?? 0;
      seen.set(name, count + 1);
      return [each, count === 0 ? name : `${name}-${count}`];
    }),
  );
}
