/**
 * What docs/reference/cli.md shows of each command: a story from an empty directory on, in this order. The lines really
 * run, against a local stack of their own.
 */
export interface Line {
  /** The command in whose section the line and its output stand; `undefined` for what only prepares the next line. */
  shownIn?: string;
  typed: string;
}

const show = (shownIn: string, ...lines: string[]): Line[] => lines.map((typed) => ({ shownIn, typed }));
const prepare = (...lines: string[]): Line[] => lines.map((typed) => ({ typed }));

const PETS = `cat > pets.jsonl <<'END'
{"op":"upsert","id":"cat","embedding":[1,0,0],"metadata":{"legs":4},"document":"a feline"}
{"op":"upsert","id":"dog","embedding":[0.8,0.6,0],"metadata":{"legs":4},"document":"a canine"}
{"op":"upsert","id":"parrot","embedding":[0,0,1],"metadata":{"legs":2},"document":"a bird that talks"}
END`;
const WRONG = `cat > wrong.jsonl <<'END'
{"op":"upsert","id":"goldfish","embedding":[0,1,0]}
{"op":"upsert","id":"newt","embedding":[0,1]}
{"op":"replace","id":"cat"}
END`;

export const STORY: readonly Line[] = [
  ...show(
    'create',
    'compactor create pets --dimension 3',
    'compactor create pets --dimension 3',
    'compactor create pets --dimension 4',
  ),
  ...prepare(PETS, WRONG),
  ...show(
    'submit',
    'compactor submit pets pets.jsonl --delta-id monday',
    'compactor submit pets pets.jsonl --delta-id monday',
    'compactor submit pets wrong.jsonl',
    'compactor submit pets wrong.jsonl --delta-id tuesday --force',
    'compactor submit pets wrong.jsonl --delta-id monday --force',
  ),
  ...show('status', 'compactor status pets'),
  ...show('deltas', 'compactor deltas pets', 'compactor deltas pets --limit 1 --json'),
  ...show('start', 'compactor start pets', 'compactor start pets'),
  ...prepare(
    `echo '{"op":"replace","id":"cat"}' | compactor submit pets --delta-id wednesday --force`,
    'compactor start pets',
  ),
  ...show(
    'wait',
    'compactor wait pets monday',
    'compactor wait pets monday --sha256 "$(sha256sum < wrong.jsonl | cut -c -64)"',
    'compactor wait pets tuesday',
    'compactor wait pets wednesday',
    'compactor wait pets never-sent --timeout 1',
  ),
  ...show('rejections', 'compactor rejections pets', 'compactor rejections pets --limit 1 --json'),
  ...prepare(`echo '{"op":"delete","id":"dog"}' | compactor submit pets --delta-id thursday`, 'compactor start pets'),
  ...show('versions', 'compactor versions pets', 'compactor versions pets --limit 1 --json'),
  ...show(
    'query',
    `compactor query pets --embedding '[1,0.1,0]'`,
    `compactor query pets --embedding '[1,0.1,0]' --version 1 --limit 2`,
    `compactor query pets --embedding '[1,0.1,0]' --where '{"legs":2}'`,
    `compactor query pets --embedding '[1,0.1]'`,
  ),
  ...show(
    'get',
    `compactor get pets --where '{"legs":{"$gte":4}}'`,
    'compactor get pets parrot cat nobody',
    `compactor get pets --count --where '{"legs":4}'`,
    `compactor get pets --where-document '{"$contains":"bird"}' --include embeddings --json`,
    `compactor get pets --where '{"legs":{"$above":4}}'`,
  ),
  ...show(
    'checkout',
    'compactor checkout pets ./pets',
    // By extension: the folder's name is random, and would come before the file or after it.
    'ls -X pets',
    'compactor checkout pets ./pets',
    'compactor checkout pets ./pets-1 --version 1',
  ),
  ...show(
    'verify',
    'compactor verify pets',
    'compactor verify pets --version 1 --json',
    'compactor verify pets --deep',
  ),
  ...prepare(`echo '{"op":"update","id":"cat","metadata":{"legs":3}}' | compactor submit pets --delta-id friday`),
  ...show('start', 'compactor start pets --name pets-on-friday'),
  ...show(
    'explain',
    'compactor explain pets/friday',
    'compactor explain pets/tuesday',
    'compactor explain pets-on-friday',
    'compactor explain pets/never-sent',
  ),
  ...show('aside', 'compactor aside pets', 'compactor aside pets friday --retry'),
  ...show('events', 'compactor events pets', 'compactor events pets --limit 1 --json'),
  ...show(
    'rollback',
    'compactor rollback pets 1',
    'compactor rollback pets 1 --yes',
    'compactor rollback pets 99 --yes',
  ),
  ...show('correct-space', 'compactor correct-space pets'),
  ...show('vacuum', 'compactor vacuum pets'),
  ...show('locks', 'compactor locks', 'compactor locks pets --json'),
  ...show('release', 'compactor release pets'),
  // What it lists differs from machine to machine.
  ...show('engines', 'compactor engines pats'),
  ...show('serve', 'compactor serve --port 70000'),
  ...show('adopt', 'compactor adopt pets --from compactor'),
  ...show('import', 'compactor import ./pets --as adopted', 'compactor import ./pets --as pets'),
  ...show('names', 'compactor names', 'compactor names --json'),
  ...show('drop', 'compactor drop adopted', 'compactor drop adopted --yes', 'compactor drop adopted --yes'),
  ...show('gc', 'compactor gc pets --dry-run', 'compactor gc pets', 'compactor gc --dry-run'),
  ...show('collections', 'compactor collections', 'compactor collections --json'),
  ...show('status', 'compactor status pets --json', 'compactor status pats'),
];
