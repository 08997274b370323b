/** What the directory of names keeps: of a collection, of a name, of a database and of a tenant. */
import { z } from 'zod';
import { InvalidInputError } from '../errors/errors.ts';
import { sha256 } from '../snapshot/blocks.ts';

export const DEFAULT_TENANT = 'default_tenant';
export const DEFAULT_DATABASE = 'default_database';
export const DEFAULT_DATABASE_ID = '00000000-0000-0000-0000-000000000000';

/** Of what clients say of a collection, and of what is learned of its records, as they are kept: each in bytes. */
const MAX_SETTINGS_BYTES = 512 * 1024;
export const MAX_LEARNED_BYTES = 256 * 1024;

const revision = z.string();
/** As the engine wrote it: numbers in it are what they are written as. */
const jsonText = z.string();

export const collectionRecord = z.strictObject({
  format: z.literal(1),
  /** Chroma's. */
  id: z.string(),
  /** Under which the compactor stores it. Never used for another one. */
  collection: z.string(),
  tenant: z.string(),
  database: z.string(),
  /** Of the database that was called so when the collection was made: one made anew under its name has another. */
  databaseId: z.string(),
  /** A name entry that leads here counts if, and only if, it is the one of this name. */
  name: z.string(),
  metadata: jsonText,
  configuration: jsonText,
  schema: jsonText,
  /** Numbers per embedding; `null` until the first write fixes it. */
  dimension: z.number().int().min(1).nullable(),
  /** Types of the metadata of its records, by key: shown as part of the schema. */
  learned: z.custom<Learned>(isLearned),
  /** Milliseconds since the epoch, by the host that made it: information. */
  created: z.number(),
  /** Of a stored collection that had no entry: it must not come back when its name is free again. */
  dropped: z.boolean(),
  revision,
});
/** Types by key, as Chroma calls them. */
export type Learned = Readonly<Record<string, readonly string[]>>;

/** A record of zod's has no member `__proto__`, and metadata may have one. */
function isLearned(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((types) => z.array(z.string()).safeParse(types).success);
}

export type CollectionRecord = z.infer<typeof collectionRecord>;

/**
 * Of a collection whose creation has not ended: no entry counts for it. Names of collections have three characters or more.
 */
export const UNNAMED = '';

export const nameEntry = z.strictObject({ format: z.literal(1), id: z.string(), name: z.string(), revision });

export const databaseRecord = z.strictObject({
  format: z.literal(1),
  id: z.string(),
  tenant: z.string(),
  name: z.string(),
  /** Only the default one is kept as gone, since without an object it is there. */
  dropped: z.boolean(),
  revision,
});
export type DatabaseRecord = z.infer<typeof databaseRecord>;

export const tenantRecord = z.strictObject({
  format: z.literal(1),
  name: z.string(),
  resourceName: z.string().nullable(),
  revision,
});

/** @throws InvalidInputError (there would be no room for what is noted of the collection later) */
export function checkSettings({
  metadata,
  configuration,
  schema,
}: Pick<CollectionRecord, 'metadata' | 'configuration' | 'schema'>): void {
  const bytes = Buffer.byteLength(JSON.stringify([metadata, configuration, schema]));
  if (bytes <= MAX_SETTINGS_BYTES) return;
  throw new InvalidInputError(
    `Metadata, configuration and schema of the collection have ${bytes} bytes as they are kept; they can have ` +
      `${MAX_SETTINGS_BYTES} together. Say less in them.`,
  );
}

/** A UUID that is a function of the text: of a ULID, so that it is unique, or of what it is to be found again by. */
export function uuidOf(text: string): string {
  const digits = sha256(text).slice(0, 32).split('');
  digits[12] = '4';
  digits[16] = 'a';
  const hex = digits.join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Id of the collection that is stored so: each has one, whether it was made through the directory or not. */
export function idOf(collection: string): string {
  return isStoredName(collection)
    ? uuidOf(collection.slice(STORED_NAME_PREFIX.length).toUpperCase())
    : idOfStored(collection);
}

/** Id of a stored collection that has no entry: the same whoever asks. */
export function idOfStored(collection: string): string {
  return uuidOf(`stored collection ${collection}`);
}

/** What names under which new collections are stored begin with. */
export const STORED_NAME_PREFIX = 'c-';

/** Name under which a new collection is stored. */
export function storedName(ulid: string): string {
  return `${STORED_NAME_PREFIX}${ulid.toLowerCase()}`;
}

/** Was it made under a name of the directory? Then nothing but an entry leads to it. */
export function isStoredName(collection: string): boolean {
  return /^c-[0-9a-hjkmnp-tv-z]{26}$/.test(collection);
}
