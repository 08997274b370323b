/**
 * The pointer: which version of a collection is current. It is the only mutable object, and moves only by
 * compare-and-swap on the ETag that was read when planning.
 */
import { z } from 'zod';
import { CorruptObjectError } from './errors.ts';

export const POINTER_FORMAT = 1;

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
});

export type Pointer = Omit<z.infer<typeof schema>, 'format'>;

/** A pointer as it was read: the ETag is what a swap must present. */
export interface ReadPointer {
  pointer: Pointer;
  etag: string;
}

export function encodePointer(pointer: Pointer): Uint8Array {
  return Buffer.from(`${JSON.stringify({ format: POINTER_FORMAT, ...pointer }, null, 2)}\n`);
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
  if (!parsed.success) throw corrupt(key, z.prettifyError(parsed.error).slice(0, 500));
  if (parsed.data.collection !== collection) throw corrupt(key, `it belongs to collection "${parsed.data.collection}"`);
  const { format: _format, ...pointer } = parsed.data;
  return pointer;
}

function corrupt(key: string, what: string, cause?: unknown): CorruptObjectError {
  return new CorruptObjectError(
    `Pointer "${key}" cannot be used: ${what}. Restore it from an earlier bucket version; never delete it.`,
    { cause },
  );
}
