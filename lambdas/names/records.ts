/** The objects of the directory of names: of a collection, of a name, of a database, and of a tenant. */
import { z } from 'zod';
import { InvalidInputError } from '../errors/errors.ts';
import { sha256 } from '../snapshot/blocks.ts';

export const DEFAULT_TENANT = 'default_tenant';
export const DEFAULT_DATABASE = 'default_database';
export const DEFAULT_DATABASE_ID = '00000000-0000-0000-0000-000000000000';

/** Limits in bytes, as stored: for all settings of a collection together, and for what is learned of its records. */
const MAX_SETTINGS_BYTES = 512 * 1024;
export const MAX_LEARNED_BYTES = 256 * 1024;

const revision = z.string();
/** JSON text as the engine wrote it, so that numbers stay exactly as they were written. */
const jsonText = z.string();

export const collectionRecord = z.strictObject({
  format: z.literal(1),
  /** Chroma's id. */
  id: z.string(),
  /** The name under which the compactor stores the collection. It is never used for another one. */
  collection: z.string(),
  tenant: z.string(),
  database: z.string(),
  /**
   * Id of the database that had the name when the collection was made: a database made anew under that name has another
   * id.
   */
  databaseId: z.string(),
  /** A name entry that leads here counts if, and only if, it is the entry of this name. */
  name: z.string(),
  metadata: jsonText,
  configuration: jsonText,
  schema: jsonText,
  /** Numbers per embedding; `null` until the first write fixes it. */
  dimension: z.number().int().min(1).nullable(),
  /** Types of the values in its records' metadata, by key: shown as part of the schema. */
  learned: z.custom<Learned>(isLearned),
  /** Milliseconds since the epoch, by the clock of the host that made it. Information only. */
  created: z.number(),
  /** Set when a stored collection that had no entry is dropped: it must not come back when its name is free again. */
  dropped: z.boolean(),
  revision,
});
/** Types by metadata key, named as Chroma names them. */
export type Learned = Readonly<Record<string, readonly string[]>>;

/** Checked by hand because a record of zod's cannot have a member `__proto__`, whereas metadata may have one. */
function isLearned(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((types) => z.array(z.string()).safeParse(types).success);
}

export type CollectionRecord = z.infer<typeof collectionRecord>;

/**
 * Name of a collection whose creation has not ended, so that no entry counts for it. Other names have three characters
 * or more.
 */
export const UNNAMED = '';

export const nameEntry = z.strictObject({ format: z.literal(1), id: z.string(), name: z.string(), revision });

export const databaseRecord = z.strictObject({
  format: z.literal(1),
  id: z.string(),
  tenant: z.string(),
  name: z.string(),
  /** Set only for the default database: it exists without an object, so an object must say that it was deleted. */
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

/** @throws InvalidInputError (no room would be left for what is learned of the collection later) */
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

/**
 * A UUID computed from a text: from a ULID, so that the UUID is unique, or from a name by which it must be found again.
 */
export function uuidOf(text: string): string {
  const digits = sha256(text).slice(0, 32).split('');
  digits[12] = '4';
  digits[16] = 'a';
  const hex = digits.join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** Id of the collection that is stored under this name, whether it was made through the directory or not. */
export function idOf(collection: string): string {
  return isStoredName(collection)
    ? uuidOf(collection.slice(STORED_NAME_PREFIX.length).toUpperCase())
    : idOfStored(collection);
}

/** Id of a stored collection that has no entry. Every caller computes the same one. */
export function idOfStored(collection: string): string {
  return uuidOf(`stored collection ${collection}`);
}

/** Prefix of the names under which new collections are stored. */
export const STORED_NAME_PREFIX = 'c-';

/** The name under which a new collection is stored. */
export function storedName(ulid: string): string {
  return `${STORED_NAME_PREFIX}${ulid.toLowerCase()}`;
}

/** Was the collection made through the directory? Then it is reached through an entry only. */
export function isStoredName(collection: string): boolean {
  return /^c-[0-9a-hjkmnp-tv-z]{26}$/.test(collection);
}
