/** Bugs of the collection of what no name leads to, planted in the source. */
import type { SourceBug } from './source-bugs.ts';

const WHAT = 'test/workflow/collect-unreached.test.ts';
const RACES = 'test/workflow/unreached-races.test.ts';

const bug = (file: string, text: string, instead: string, test: string): SourceBug => ({
  change: { file, text, instead },
  test,
});

export const UNREACHED_BUGS: Readonly<Record<string, SourceBug>> = {
  'collection taken before its retention': bug(
    'lambdas/upkeep/collect-unreached.ts',
    'if (now - since < retentionMs(ports))',
    'if (now < since)',
    WHAT,
  ),
  'collection of a renamed name taken': bug(
    'lambdas/names/reach.ts',
    'const entryKey = nameKey(tenant, database, name);\n  const entry',
    'const entryKey = nameKey(tenant, database, "pets");\n  const entry',
    WHAT,
  ),
  'collection of create taken for want of an entry': bug(
    'lambdas/names/reach.ts',
    'if (!isStoredName(collection)) return dropped',
    'if (!isStoredName(collection)) return name !== collection',
    WHAT,
  ),
  'database taken for the one before': bug(
    'lambdas/names/reach.ts',
    '(await find(tenant, database))?.id === databaseId',
    '(await find(tenant, database)) !== undefined',
    WHAT,
  ),
  'record deleted as it is by now': bug(
    'lambdas/upkeep/collect-unreached.ts',
    "  if (!isFree) return report('waiting');\n",
    "  if (!isFree) await ports.store.delete(recordKey(reach.record?.value.id ?? ''));\n",
    RACES,
  ),
  'collection named before its creation ends': bug(
    'lambdas/names/directory.ts',
    'createRecord(this.#ports, { ...record, name: UNNAMED })',
    'createRecord(this.#ports, record)',
    RACES,
  ),
  'entry deleted under a rename': bug(
    'lambdas/names/reach.ts',
    'if (found.record !== undefined && !(await rewrite(ports, found.record, {}))) return false;',
    '',
    RACES,
  ),
  'pointer left for the end': bug(
    'lambdas/upkeep/remove-collection.ts',
    '  const size = await removePointer(ports, collection);\n  if (size !== undefined) count(removed, [{ size }]);\n',
    '',
    RACES,
  ),
  'mark gone before the rest': bug(
    'lambdas/upkeep/collect-unreached.ts',
    '  const removed = await removeCollection(',
    '  await deleteSmall(ports, key, marked.etag);\n  const removed = await removeCollection(',
    RACES,
  ),
  'dropped collection created again': bug(
    'lambdas/upkeep/create-collection.ts',
    'if (!(await recordOfStored(ports, collection))?.dropped) return;',
    'return;',
    WHAT,
  ),
};
