/** The report on a delta with rejections: `rejected/<collection>/<id>.json` (docs/format.md). */
import { z } from 'zod';
import { CorruptObjectError } from '../errors/errors.ts';
import type { DeltaOutcome, Rejection } from './ledger.ts';

/** A hundred rejections take less, since their ids and reasons are bounded. */
export const MAX_REPORT_BYTES = 1024 * 1024;

export interface Report {
  deltaId: string;
  /** Digest of the delta's content, hex. */
  sha256: string;
  outcome: DeltaOutcome;
  /** Version whose commit decided it; absent from a report on other content that was sent under a used id. */
  version?: number;
  /** Number of all rejected operations; `rejections` holds the first ones. */
  rejectedOperations: number;
  rejections: readonly Rejection[];
}

const schema = z.object({
  rejectedOperations: z.number(),
  rejections: z.array(z.object({ line: z.number(), id: z.string().optional(), error: z.string(), reason: z.string() })),
});

export function encodeReport(report: Report): Uint8Array {
  return Buffer.from(`${JSON.stringify(report, null, 2)}\n`);
}

/** @throws CorruptObjectError */
export function decodeReport(
  key: string,
  bytes: Uint8Array,
): Pick<Report, 'rejectedOperations'> & { rejections: Rejection[] } {
  try {
    return schema.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))) as ReturnType<typeof decodeReport>;
  } catch (cause) {
    throw new CorruptObjectError(`"${key}" is not a report. Restore it from an earlier bucket version.`, { cause });
  }
}
