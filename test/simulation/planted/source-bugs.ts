/** Bugs of the source, by name. The first ten had escaped simulation and tests; the others were planted when those were found. */
import { LOG_BUGS } from './log-bugs.ts';
import { NAMES_BUGS } from './names-bugs.ts';
import { AFTER_THE_SWAP, WHEN_LEAVING } from './occasions.ts';
import type { Plant } from './plant.ts';
import type { SourceChange } from './source.ts';
import { UNREACHED_BUGS } from './unreached-bugs.ts';

export interface SourceBug {
  change: SourceChange;
  /** What the world must be like for the bug to have its occasion. */
  world?: Pick<Plant, 'profile' | 'lookFor'>;
  /** Out of the simulator's reach: the file of tests that sees it. */
  test?: string;
}

const LIVE_DATA_GONE = /was deleted although|points at something that is not there|cannot be read whole/;

const bug = (file: string, text: string, instead: string, more: Omit<SourceBug, 'change'> = {}): SourceBug => ({
  change: { file, text, instead },
  ...more,
});

export const SOURCE_BUGS: Readonly<Record<string, SourceBug>> = {
  'ledger cut to its newest 64 entries': bug(
    'lambdas/protocol/ledger.ts',
    'return [...kept, ...applied];',
    'return [...kept, ...applied].slice(-64);',
    { world: { profile: { isOld: true } } },
  ),
  'end of the walk taken for no successor': bug(
    'lambdas/commit/observe-successor.ts',
    "return observed('unknown');",
    "return observed('none');",
    { world: { profile: { burst: 68, ...AFTER_THE_SWAP }, lookFor: LIVE_DATA_GONE } },
  ),
  'successor started before the claim is released': bug(
    'lambdas/compaction/let-go.ts',
    '  const item = await ports.locks.readLock(collection);\n  const { releasedClaim }',
    '  await ports.executions.start(successorName(collection, execution), { collection });\n' +
      '  const item = await ports.locks.readLock(collection);\n  const { releasedClaim }',
    { world: { profile: { maxRounds: 1 } } },
  ),
  'create-once compares sizes only': bug(
    'lambdas/objects/create-once.ts',
    "found.size === size ? (found.sha256 ?? (await hashObject(ports, found))) : 'another size'",
    "found.size === size ? digest : 'another size'",
    { world: { profile: { reuse: 0.6 } } },
  ),
  'directory marked clean before it is verified': bug(
    'lambdas/versions/hydrate.ts',
    '  verify(manifest, digests);\n  const complete',
    '  await directory.writeDigests({ manifestKey: ref.key, manifestSha256: ref.sha256, manifest: bytes, files: digests });\n' +
      '  await directory.markClean({ manifestKey: ref.key, manifestSha256: ref.sha256 });\n' +
      '  verify(manifest, digests);\n  const complete',
    { world: { profile: { badWrites: 3 } } },
  ),
  'reader skips the count': bug(
    'lambdas/reader/served-copy.ts',
    'if (counted === records) return { session, directory };',
    'return { session, directory };',
    { world: { profile: { readers: 2, shortOpens: 0.5 } } },
  ),
  'staging sealed without fsync': bug(
    'lambdas/adapters/files/file-staging.ts',
    'for (const handle of this.#handles.values()) await handle.sync();',
    '',
    { test: 'test/contract/power-cut.test.ts' },
  ),
  'flush flushes nothing': bug(
    'lambdas/adapters/files/working-directory.ts',
    '      else await sync(path);\n    }\n    for (const folder of folders) await sync(folder);',
    '    }',
    { test: 'test/contract/power-cut.test.ts' },
  ),
  "store's folder not synced": bug('lambdas/adapters/files/durable.ts', 'await folder.sync();', '', {
    test: 'test/contract/power-cut.test.ts',
  }),
  'lock read without consistency': bug(
    'lambdas/adapters/table/dynamo-client.ts',
    'item), ConsistentRead: true',
    'item), ConsistentRead: false',
    { test: 'test/contract/request-options.test.ts' },
  ),

  'statuses read without consistency': bug(
    'lambdas/adapters/table/dynamo-statuses.ts',
    'ConsistentRead: true',
    'ConsistentRead: false',
    { test: 'test/contract/request-options.test.ts' },
  ),
  'collector counts again behind its own fence': bug(
    'lambdas/upkeep/fence-garbage.ts',
    'const retainedFrom = isFenced\n    ? pointer.retainedFrom\n    : oldestRetained(',
    'const retainedFrom = oldestRetained(',
    { test: 'test/workflow/collect-garbage.test.ts' },
  ),
  'unreadable pointer taken for a conflict': bug(
    'lambdas/commit/publish.ts',
    "if (error instanceof StoreUnavailableError || error instanceof PointerMovedError) return 'unknown';",
    "if (error instanceof StoreUnavailableError || error instanceof PointerMovedError) return 'conflict';",
    { world: { profile: AFTER_THE_SWAP, lookFor: LIVE_DATA_GONE } },
  ),
  'inbox listed before wake is read': bug(
    'lambdas/compaction/let-go.ts',
    '  for (;;) {\n    const item = await ports.locks.readLock(collection);\n    // By the item, not by the state: we may hold a ' +
      'claim whose response was lost.\n    const token = item?.claimOwner === execution ? item.claimToken : ' +
      'undefined;\n    // The listing begins after this read: a later delegation changes `wake`, so that the release ' +
      'below is refused.\n    const { isSome, unreadable } = await findWork(ports, collection);',
    '  for (;;) {\n    const { isSome, unreadable } = await findWork(ports, collection);\n    const item = await ' +
      'ports.locks.readLock(collection);\n    const token = item?.claimOwner === execution ? item.claimToken : undefined;',
    { world: { profile: WHEN_LEAVING } },
  ),
  "marker's removal not synced": bug(
    'lambdas/adapters/files/durable.ts',
    '  await rm(path, { force: true });\n  await syncFolder(dirname(path));',
    '  await rm(path, { force: true });',
    { test: 'test/contract/power-cut.test.ts' },
  ),
  'large upload completed without If-None-Match': bug(
    'lambdas/adapters/store/s3-multipart.ts',
    "...whole, IfNoneMatch: '*' }",
    '...whole }',
    { test: 'test/contract/request-options.test.ts' },
  ),
  'files stamped that were not at rest': bug(
    'lambdas/adapters/files/file-stamps.ts',
    'restedMs > REST_MS',
    'restedMs > -REST_MS',
    { test: 'test/contract/working-directory-file.test.ts' },
  ),
  'the other of two is not waited for': bug(
    'lambdas/concurrency/both.ts',
    '  await Promise.allSettled([first, second]);\n  return [await first, await second];',
    '  return Promise.all([first, second]);',
    { test: 'test/unit/concurrency.test.ts' },
  ),
  'successor named by the minute': bug(
    'lambdas/compaction/let-go.ts',
    'start(successorName(collection, execution), { collection, ...(vacuum && { vacuum }) })',
    'start("next-" + collection + Math.floor(ports.clock.now() / 60_000), { collection })',
    { world: { profile: { maxRounds: 1 } } },
  ),
  'import on top of a history': bug(
    'lambdas/upkeep/import-snapshot.ts',
    'base.manifest.version > 0',
    'base.manifest.version > 1',
    { world: { profile: { imports: 1, pointerFault: 0.3 }, lookFor: /an import replaces a history/ } },
  ),
  'floats without a fraction become integers': bug(
    'lambdas/snapshot/exact-json.ts',
    'return Number.isInteger(value) ? new Float(value) : value;',
    'return value;',
    { world: { lookFor: /its content is wrong|read version \d+ wrongly/ } },
  ),
  'integers beyond 2^53 are rounded': bug(
    'lambdas/snapshot/exact-json.ts',
    'return Number.isSafeInteger(value) ? value : BigInt(literal);',
    'return value;',
    { world: { lookFor: /its content is wrong|read version \d+ wrongly/ } },
  ),
  'large delta overtaken by those behind it': bug(
    'lambdas/protocol/plan.ts',
    'if (batch.length > 0 && (batch.length >= maxDeltas || bytes > maxBytes)) break;',
    'if (batch.length > 0 && (batch.length >= maxDeltas || bytes > maxBytes)) {\n' +
      '      bytes -= entry.size;\n      continue;\n    }',
    { test: 'test/property/plan.property.test.ts' },
  ),
  'defragmented without a comparison': bug(
    'lambdas/merge/merge-onto-base.ts',
    '    await requireWhole(directory, rescan.all);\n    const plan = nothingMerged();',
    '    const plan = nothingMerged();',
    { world: { profile: { isFragile: true, rot: 3, deltas: 6 } } },
  ),
  ...LOG_BUGS,
  ...NAMES_BUGS,
  ...UNREACHED_BUGS,
};

/** Those that the simulator must see, and those that tests must. */
export const SIMULATED = select(({ test }) => test === undefined);
export const TESTED = select(({ test }) => test !== undefined);

function select(isMeant: (bug: SourceBug) => boolean): Readonly<Record<string, SourceBug>> {
  return Object.fromEntries(Object.entries(SOURCE_BUGS).filter(([, bug]) => isMeant(bug)));
}
