/** Parses a delta of requests (ADR 47) in the way that operations are parsed: a faulty line becomes a rejection. */

import { MAX_DELTA_LINES, MAX_DELTA_VALUES, type ParsedDelta, rejectedWhole } from '../snapshot/delta.ts';
import { MAX_REJECTIONS_PER_DELTA } from '../snapshot/ledger.ts';
import { REJECTION } from '../snapshot/operation.ts';
import { type NumberedRequest, requestsIn } from '../snapshot/request-delta.ts';

/** How much is parsed without a pause: about 10 ms of work. */
const PIECE_BYTES = 1024 * 1024;

export interface ParsedRequests extends ParsedDelta {
  requests: NumberedRequest[];
}

/**
 * Parse piece by piece, so that the caller can yield to other tasks in between. Each line counts as one operation,
 * however many records it names; the ids in a delta count as its values.
 * @param lines Number of lines in the whole delta, including the first one and blank ones.
 */
export function* parseRequests(body: Uint8Array, lines: number): Generator<void, ParsedRequests> {
  const whole = (error: string, reason: string) => ({ ...rejectedWhole(error, reason), requests: [] });
  const tooMany = whole(
    REJECTION.deltaTooLarge,
    `At most ${MAX_DELTA_LINES} lines and ${MAX_DELTA_VALUES} ids are read.`,
  );
  if (lines > MAX_DELTA_LINES) return tooMany;
  const parsed: ParsedRequests = { operations: [], requests: [], rejections: [], rejectedOperations: 0, values: 0 };
  let pieceBytes = 0;
  for (const found of requestsIn(body)) {
    if (!('reason' in found)) {
      parsed.requests.push(found);
      pieceBytes += found.body.length;
      if (pieceBytes > PIECE_BYTES) {
        pieceBytes = 0;
        yield;
      }
      parsed.values += found.ids.length;
      if (parsed.values > MAX_DELTA_VALUES) return tooMany;
      continue;
    }
    const { line, reason } = found;
    if (line === 0) return whole(REJECTION.notADelta, reason);
    parsed.rejectedOperations++;
    if (parsed.rejections.length < MAX_REJECTIONS_PER_DELTA) {
      parsed.rejections.push({ line, error: REJECTION.malformedLine, reason: `This is not a request: ${reason}` });
    }
  }
  if (parsed.requests.length + parsed.rejectedOperations > 0) return parsed;
  return whole(REJECTION.notADelta, 'The object holds no request.');
}
