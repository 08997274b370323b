/**
 * Which keys the metadata of records have, and of which types. Chroma notes them in the collection's schema as it
 * accepts records, and shows that schema. Here they are taken from the writes themselves, so that no snapshot has to be
 * opened to show them.
 */
import { type Learned, MAX_LEARNED_BYTES } from '../names/records.ts';
import { membersOf, parseExact, stringifyExact } from '../snapshot/exact-json.ts';

type Type = 'string' | 'int' | 'float' | 'bool';

/** A schema with more keys would help nobody. */
const MAX_KEYS = 10_000;
const MAX_INTEGER = 2n ** 63n - 1n;
const MIN_INTEGER = -(2n ** 63n);

/**
 * What a write adds to what is known; `undefined` if it adds nothing. @param body Of a request that the engine accepts.
 */
export function learnFrom(body: string, metadatas: readonly unknown[], known: Learned): Learned | undefined {
  if (!metadatas.some((metadata) => mayTeach(metadata, known))) return undefined;
  const found = new Map(Object.entries(known).map(([key, types]) => [key, new Set(types)]));
  let bytes = Buffer.byteLength(JSON.stringify(known));
  let isNew = false;
  for (const metadata of parseExact(membersOf(body).get('metadatas') ?? '[]') as Array<Record<
    string,
    unknown
  > | null>) {
    for (const [key, value] of Object.entries(metadata ?? {})) {
      const type = typeOf(value);
      const types = found.get(key) ?? new Set();
      if (type === undefined || types.has(type) || (!found.has(key) && found.size >= MAX_KEYS)) continue;
      // An upper bound: the entry by itself, including the braces around it.
      const more = Buffer.byteLength(JSON.stringify({ [key]: [type] }));
      if (bytes + more > MAX_LEARNED_BYTES) continue;
      bytes += more;
      found.set(key, types.add(type));
      isNew = true;
    }
  }
  if (!isNew) return undefined;
  return Object.fromEntries([...found].map(([key, types]) => [key, [...types]]));
}

/** The schema with these keys added. They are indexed in the way that is the default for their types. */
export function withLearned(schema: string, learned: Learned): string {
  if (Object.keys(learned).length === 0) return schema;
  const parsed = parseExact(schema) as { defaults?: Record<string, unknown>; keys?: Record<string, object> } | null;
  if (parsed === null) return schema;
  const { defaults = {}, keys = {} } = parsed;
  const taught = Object.entries(learned).map(([key, types]) => {
    const byType = Object.fromEntries(types.flatMap((type) => (type in defaults ? [[type, defaults[type]]] : [])));
    return [key, { ...byType, ...keys[key] }];
  });
  return stringifyExact({ ...parsed, keys: { ...keys, ...Object.fromEntries(taught) } });
}

/** A cheap check. A number may be an integer or a float, and only its literal tells which. */
function mayTeach(metadata: unknown, known: Learned): boolean {
  return Object.entries(metadata ?? {}).some(([key, value]) => {
    const types = Object.hasOwn(known, key) ? (known[key] as readonly string[]) : [];
    const [first] = Array.isArray(value) ? value : [value];
    if (typeof first === 'number') return !types.includes('int') || !types.includes('float');
    const type = typeOf(value);
    return type !== undefined && !types.includes(type);
  });
}

function typeOf(value: unknown): Type | undefined {
  if (value === null || value === undefined) return undefined;
  // Chroma takes an empty list to be a list of booleans.
  if (Array.isArray(value)) return value.length === 0 ? 'bool' : typeOf(value[0]);
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return value >= MIN_INTEGER && value <= MAX_INTEGER ? 'int' : 'float';
  return typeof value === 'number' && Number.isInteger(value) ? 'int' : 'float';
}
