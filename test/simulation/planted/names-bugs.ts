/** Bugs of the directory of names, planted in the source. */
import type { Profile } from '../profile.ts';
import type { SourceBug } from './source-bugs.ts';

/** Nothing else is at work, so that clients who want the same names meet often. */
const BUSY: Partial<Profile> = { endpoints: 3, logWrites: 8, nameDeeds: 24, paceMs: 400, deltas: 1 };

const bug = (
  file: string,
  text: string,
  instead: string,
  profile: Partial<Profile> = {},
  lookFor?: RegExp,
): SourceBug => ({
  change: { file, text, instead },
  world: { profile: { ...BUSY, ...profile }, ...(lookFor && { lookFor }) },
});

export const NAMES_BUGS: Readonly<Record<string, SourceBug>> = {
  'a name entry written before its collection': bug(
    'lambdas/names/directory.ts',
    'await createRecord(this.#ports, { ...record, name: UNNAMED });',
    'await takeName(this.#ports, place, id);\n      await createRecord(this.#ports, { ...record, name: UNNAMED });',
  ),
  "a dropped collection's delta in its successor": bug(
    'lambdas/names/directory.ts',
    'collection: storedName(ulid),',
    "collection: storedName(uuidOf(name).replaceAll('-', '').slice(0, 26)),",
    {},
    /is in the log of a collection that it was not sent to|shows what|does not show write|shows records/,
  ),
  'an entry taken over from a rename under way': bug(
    'lambdas/names/entries.ts',
    'if (owner !== undefined && !(await rewrite(ports, owner, {}))) continue;',
    '',
    { endpointCrash: 0.7 },
  ),
  'an entry that counts whatever its record says': bug(
    'lambdas/names/entries.ts',
    'return held !== undefined && isCalled(held.value, place) ? held : undefined;',
    'return held;',
    { endpointCrash: 0.7 },
  ),
  'a rename acknowledged whoever came first': bug(
    'lambdas/names/entries.ts',
    "if (!(await rewrite(ports, held, { ...change, name }))) return 'moved';",
    'await rewrite(ports, held, { ...change, name });',
    { paceMs: 50 },
  ),
  'a drop of the entry alone': bug(
    'lambdas/names/entries.ts',
    ': await deleteSmall(ports, recordKey(value.id), etag);',
    ': true;',
  ),
  'a stored collection that comes back once it was dropped': bug(
    'lambdas/names/directory.ts',
    'if (await drop(this.#ports, held, !isStoredName(held.value.collection))) return held.value;',
    'if (await drop(this.#ports, held, false)) return held.value;',
  ),
  'a dropped collection taken before its retention': bug(
    'lambdas/upkeep/collect-unreached.ts',
    'if (now - since < retentionMs(ports))',
    'if (now < since)',
    { garbageRuns: 8, retainMs: 1_000_000 },
    /before its retention ends/,
  ),
};
