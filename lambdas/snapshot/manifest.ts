/**
 * The manifest: one version of a collection, complete in itself. It lists every file as extents of frames of packs, the
 * ancestry, the ledger, and the engine that wrote the files. docs/format.md gives the stored form byte by byte.
 */
import { z } from 'zod';
import { describeIssues } from '../errors/describe-issues.ts';
import { CorruptObjectError, InvariantViolatedError } from '../errors/errors.ts';
import { BLOCK_SIZE, sha256 } from './blocks.ts';
import type { Extent, Frame } from './frames.ts';
import { FRAME_SIZE } from './frames.ts';
import { parsePackKey } from './keys.ts';
import { type LedgerEntry, MAX_REJECTIONS_PER_DELTA } from './ledger.ts';
import { FIRST_NUMBER } from './log-number.ts';

export const MANIFEST_FORMAT = 1;
/** Format of a collection whose log has begun (ADR 46): format 1 with `numbered`. */
export const NUMBERED_FORMAT = 2;
/** Readers refuse larger manifests, so none is written. Enough for about two million extents of some thirty bytes. */
export const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;
export const ANCESTRY_LENGTH = 64;

export interface CommitRef {
  version: number;
  commitId: string;
}

/** A reference to a manifest, with the digest of its content. */
export interface ManifestRef {
  key: string;
  /** Hex. */
  sha256: string;
}

export interface SnapshotFile {
  path: string;
  size: number;
  /** Content digest, hex (see blocks.ts). */
  digest: string;
  /** Tile the file exactly, in order. */
  extents: Extent[];
}

export interface Pack {
  key: string;
  /** Stored bytes. */
  size: number;
  /** Bytes of all its frames when decompressed, including dead ones. */
  rawSize: number;
  /** Digest of the whole pack, hex. */
  sha256: string;
}

/** Engine that wrote the files. `null` in version 0, which has none. */
export interface EngineStamp {
  name: string;
  version: string;
  /** Highest migration per kind. */
  migrations: Record<string, number>;
}

export interface Manifest {
  collection: string;
  version: number;
  commitId: string;
  /** Manifest of version - 1; `null` for version 0. */
  parent: ManifestRef | null;
  /** The last `ANCESTRY_LENGTH` ancestors, newest first, not including itself. */
  ancestry: CommitRef[];
  space: 'l2' | 'cosine' | 'ip';
  dimension: number;
  engine: EngineStamp | null;
  records: number;
  files: SnapshotFile[];
  /** Packs that at least one extent refers to. */
  packs: Pack[];
  /** Deltas contained but not known to be settled. Entries of this version are its newly applied deltas. */
  ledger: LedgerEntry[];
  /**
   * The highest number of the log that this version or an ancestor decided, and with it all lower ones; absent if there
   * is none.
   */
  numbered?: number;
  /**
   * Settings for the engine when it creates the collection, as JSON text. Absent if its defaults and `space` suffice.
   */
  schema?: string;
}

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const hex = z.string().regex(/^[0-9a-f]{64}$/);
const commitId = z.string().regex(/^[0-9A-HJKMNP-TV-Z]{26}$/);
const path = z.string().regex(/^(?!.*(^|\/)\.{0,2}(\/|$))[A-Za-z0-9._/-]{1,512}$/, 'is no relative path');

const rejection = z.strictObject({ line: count, id: z.string().optional(), error: z.string(), reason: z.string() });
const ledgerEntry = z.strictObject({
  deltaId: z.string().max(48),
  outcome: z.enum(['applied', 'rejected']),
  version: count,
  sha256: hex,
  rejectedOperations: count,
  rejections: z.array(rejection).max(MAX_REJECTIONS_PER_DELTA).optional(),
});

const schema = z.strictObject({
  format: z.union([z.literal(MANIFEST_FORMAT), z.literal(NUMBERED_FORMAT)]),
  collection: z.string(),
  version: count,
  commitId,
  parent: z.strictObject({ key: z.string(), sha256: hex }).nullable(),
  ancestry: z.array(z.tuple([count, commitId])).max(ANCESTRY_LENGTH),
  space: z.enum(['l2', 'cosine', 'ip']),
  dimension: count.min(1).max(65_536),
  engine: z.strictObject({ name: z.string(), version: z.string(), migrations: z.record(z.string(), count) }).nullable(),
  records: count,
  packs: z.array(z.strictObject({ key: z.string(), size: count, rawSize: count, sha256: hex })),
  /** pack index, offset, length, rawLength, sha256 */
  frames: z.array(z.tuple([count, count, count, count.max(FRAME_SIZE), hex])),
  files: z.array(
    /** extents: offset, length, frame index, offset in the frame */
    z.strictObject({ path, size: count, digest: hex, extents: z.array(z.tuple([count, count, count, count])) }),
  ),
  ledger: z.array(ledgerEntry),
  numbered: count.min(FIRST_NUMBER).optional(),
  schema: z.string().optional(),
});

/**
 * Stored bytes of a manifest and the reference to them. Equal manifests give equal bytes.
 * @throws InvariantViolatedError (too large to be read again), CorruptObjectError (a pack is not listed)
 */
export function encodeManifest(manifest: Manifest): { bytes: Uint8Array; sha256: string } {
  const packIndex = new Map(manifest.packs.map((pack, index) => [pack.key, index]));
  const frames: z.infer<typeof schema>['frames'] = [];
  const frameIndex = new Map<string, number>();
  const indexOf = (frame: Frame): number => {
    const id = `${frame.packKey}@${frame.offset}`;
    let index = frameIndex.get(id);
    if (index === undefined) {
      const pack = packIndex.get(frame.packKey);
      if (pack === undefined)
        throw new CorruptObjectError(`An extent refers to "${frame.packKey}", which is not listed.`);
      index = frames.push([pack, frame.offset, frame.length, frame.rawLength, frame.sha256]) - 1;
      frameIndex.set(id, index);
    }
    return index;
  };
  const { ancestry, files, numbered, schema: settings, ...rest } = manifest;
  const stored: z.infer<typeof schema> = {
    format: formatOf(manifest),
    ...rest,
    ancestry: ancestry.map((ref) => [ref.version, ref.commitId]),
    files: files.map(({ extents, ...file }) => ({
      ...file,
      extents: extents.map((extent) => [extent.offset, extent.length, indexOf(extent.frame), extent.frameOffset]),
    })),
    frames,
    ...(numbered !== undefined && { numbered }),
    ...(settings !== undefined && { schema: settings }),
  };
  const bytes = Buffer.from(JSON.stringify(stored));
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw new InvariantViolatedError(
      `The manifest of version ${manifest.version} of "${manifest.collection}" would have ${bytes.length} bytes, more ` +
        `than the ${MAX_MANIFEST_BYTES} that readers accept. Split the collection.`,
    );
  }
  return { bytes, sha256: sha256(bytes) };
}

/**
 * Parse and check a manifest.
 * @param expected Hex SHA-256 from the pointer or the child.
 * @throws CorruptObjectError
 */
export function decodeManifest(key: string, bytes: Uint8Array, expected: string): Manifest {
  if (sha256(bytes) !== expected) throw corrupt(key, 'its SHA-256 is not the one that its referrer gives');
  const { json, parsed } = parseStored(key, bytes);
  if (!parsed.success) throw corrupt(key, describeIssues(parsed.error, json).slice(0, 500));
  const { format, frames: storedFrames, ...stored } = parsed.data;
  if (format !== formatOf(stored)) throw corrupt(key, `format ${format} and its members disagree`);
  const frames = storedFrames.map(([pack, offset, length, rawLength, digest]): Frame => {
    const { key: packKey, size } = stored.packs[pack] ?? { key: '', size: 0 };
    if (length === 0 || offset + length > size) throw corrupt(key, `a frame lies outside pack ${pack}`);
    return { packKey, offset, length, rawLength, sha256: digest };
  });
  for (const pack of stored.packs) {
    if (parsePackKey(pack.key)?.collection !== stored.collection) throw corrupt(key, `"${pack.key}" is no pack of it`);
  }
  const files = stored.files.map(({ extents, ...file }): SnapshotFile => {
    let at = 0;
    const resolved = extents.map(([offset, length, index, frameOffset]): Extent => {
      const frame = frames[index];
      const fits =
        frame !== undefined &&
        length > 0 &&
        frameOffset + length <= frame.rawLength &&
        offset === at &&
        offset % BLOCK_SIZE === 0;
      if (!fits) throw corrupt(key, `an extent of "${file.path}" at ${offset}+${length} is out of bounds or order`);
      at += length;
      return { offset, length, frame, frameOffset };
    });
    if (at !== file.size) throw corrupt(key, `the extents of "${file.path}" cover ${at} of ${file.size} bytes`);
    return { ...file, extents: resolved };
  });
  if (hasDuplicates(stored.packs.map((pack) => pack.key))) throw corrupt(key, 'a pack is listed twice');
  const paths = new Set(files.map((file) => file.path));
  if (paths.size !== files.length) throw corrupt(key, 'a path is listed twice');
  if (files.some((file) => foldersOf(file.path).some((folder) => paths.has(folder)))) {
    throw corrupt(key, 'a path is both a file and a folder');
  }
  const ancestry = stored.ancestry.map(([version, id]): CommitRef => ({ version, commitId: id }));
  return { ...stored, ledger: stored.ledger as LedgerEntry[], ancestry, files };
}

/** Code that does not know the log must not plan without it, nor create a collection without its settings. */
function formatOf({ numbered, schema: settings }: Pick<Manifest, 'numbered' | 'schema'>) {
  return numbered === undefined && settings === undefined ? MANIFEST_FORMAT : NUMBERED_FORMAT;
}

/** Size of the directory that the manifest describes, in bytes. */
export function liveBytes(files: readonly SnapshotFile[]): number {
  return files.reduce((sum, file) => sum + file.size, 0);
}

/** Ancestry of a child of this manifest. */
export function childAncestry(manifest: Manifest): CommitRef[] {
  return [{ version: manifest.version, commitId: manifest.commitId }, ...manifest.ancestry].slice(0, ANCESTRY_LENGTH);
}

function parseStored(key: string, bytes: Uint8Array) {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return { json, parsed: schema.safeParse(json) };
  } catch (cause) {
    // Not JSON, or hostile beyond what the schema's parser can take (it throws RangeError on a flood of issues).
    throw corrupt(key, 'it is not JSON of this format', cause);
  }
}

function foldersOf(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

function hasDuplicates(values: readonly string[]): boolean {
  return new Set(values).size !== values.length;
}

function corrupt(key: string, what: string, cause?: unknown): CorruptObjectError {
  return new CorruptObjectError(
    `Manifest "${key}" cannot be used: ${what}. Restore it from a bucket version, or roll back to another version.`,
    { cause },
  );
}
