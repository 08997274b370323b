/**
 * The pointer: which version of a collection is current. It is the only mutable object, and moves only by
 * compare-and-swap on the ETag that was read when planning. Nothing refers to it by a digest, so it carries its own.
 */
import { z } from 'zod';
import { describeIssues } from '../errors/describe-issues.ts';
import { CorruptObjectError } from '../errors/errors.ts';
import { sha256 } from '../snapshot/blocks.ts';

export const POINTER_FORMAT = 1;
/** More is no pointer: one has about 1 KiB. */
export const MAX_POINTER_BYTES = 64 * 1024;

const count = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const hex = z.string().regex(/^[0-9a-f]{64}$/);

const schema = z.strictObject({
  format: z.literal(POINTER_FORMAT),
  collection: z.string(),
  version: count,
  /** Of the commit that made this version; makes every body unique, together with `fence`. */
  commitId: z.string(),
  manifest: z.strictObject({ key: z.string(), sha256: hex }),
  /** Fencing token of the lock under which the swap was made. Never falls. */
  token: count,
  /** Count of garbage collections that fenced this collection. Never falls. */
  fence: count,
  /** Garbage collection run that raised `fence` last. */
  fencedBy: z.string().nullable(),
  /** Oldest version that is kept. Never falls. */
  retainedFrom: count,
  /** Table that holds the statuses: another table is another stack, and must keep its hands off. */
  statusTable: z.string(),
  records: count,
  /** ISO 8601. Information only. */
  committedAt: z.iso.datetime(),
  /** Execution ARN that made the commit, or who else did. Information only. */
  execution: z.string(),
  /** Of all the other fields, see `pointerDigest`. */
  sha256: hex,
});

type Stored = z.infer<typeof schema>;
export type Pointer = Omit<Stored, 'format' | 'sha256'>;

/** A pointer as it was read: the ETag is what a swap must present. */
export interface ReadPointer {
  pointer: Pointer;
  etag: string;
}

export function encodePointer(pointer: Pointer): Uint8Array {
  const body = { format: POINTER_FORMAT, ...pointer } as const;
  return Buffer.from(`${JSON.stringify({ ...body, sha256: pointerDigest(body) }, null, 2)}\n`);
}

/**
 * Hex SHA-256 of a pointer's fields but `sha256`, in the canonical form of RFC 8785: members sorted by name, no white
 * space. Layout and order of the stored JSON do not count, values do.
 */
export function pointerDigest(body: Omit<Stored, 'sha256'>): string {
  const { collection, commitId, committedAt, execution, fence, fencedBy, format } = body;
  const { manifest, records, retainedFrom, statusTable, token, version } = body;
  // For text, whole numbers and null, RFC 8785 is what JSON.stringify makes of members in the order of their names.
  const sorted = {
    ...{ collection, commitId, committedAt, execution, fence, fencedBy, format },
    manifest: manifest && { key: manifest.key, sha256: manifest.sha256 },
    ...{ records, retainedFrom, statusTable, token, version },
  };
  return sha256(JSON.stringify(sorted));
}

/** @throws CorruptObjectError */
export function decodePointer(key: string, collection: string, bytes: Uint8Array): Pointer {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (cause) {
    throw corrupt(key, 'it is not JSON', cause);
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success) throw corrupt(key, describeIssues(parsed.error, json).slice(0, 500));
  if (parsed.data.collection !== collection) throw corrupt(key, `it belongs to collection "${parsed.data.collection}"`);
  const { sha256: digest, ...body } = parsed.data;
  if (digest !== pointerDigest(body)) throw corrupt(key, 'its fields do not match its "sha256"');
  const { format: _format, ...pointer } = body;
  return pointer;
}

function corrupt(key: string, what: string, cause?: unknown): CorruptObjectError {
  return new CorruptObjectError(
    `Pointer "${key}" cannot be used: ${what}. Restore it from an earlier bucket version; never delete it.`,
    { cause },
  );
}
