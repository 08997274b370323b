/** Deltas whose lines are many rather than long: bounded, and never parsed at one stretch. */
import { describe, expect, it } from 'vitest';
import {
  MAX_DELTA_LINES,
  MAX_DELTA_VALUES,
  type ParsedDelta,
  parseDelta,
  parseInPieces,
} from '../../lambdas/snapshot/delta.ts';
import { REJECTION } from '../../lambdas/snapshot/operation.ts';

const DIMENSION = 2;
const MIB = 1024 * 1024;

function inPieces(bytes: Uint8Array): { pieces: number; parsed: ParsedDelta } {
  const parser = parseInPieces(bytes, DIMENSION);
  for (let pieces = 0; ; pieces++) {
    const { done, value } = parser.next();
    if (done) return { pieces, parsed: value };
  }
}

describe('a delta of many lines', () => {
  it('may have as many as are allowed, and is parsed in pieces of 1,000', () => {
    const { pieces, parsed } = inPieces(Buffer.from('{}\n'.repeat(MAX_DELTA_LINES)));

    expect(parsed.rejectedOperations).toBe(MAX_DELTA_LINES);
    expect(pieces).toBe(MAX_DELTA_LINES / 1_000);
  });

  it('of long lines is parsed in pieces of 1 MiB', () => {
    const document = 'x'.repeat(MIB);
    const lines = Array.from({ length: 8 }, (_, n) => `${JSON.stringify({ op: 'update', id: `${n}`, document })}\n`);

    const { pieces, parsed } = inPieces(Buffer.from(lines.join('')));

    expect(parsed.operations).toHaveLength(8);
    expect(pieces).toBe(8);
  });

  it.each([
    ['operations', '{"op":"delete","id":"x"}\n'],
    ['lines that say nothing', '{}\n'],
    ['blank lines', '\n'],
  ])('with one more is rejected whole, before any of it is parsed: %s', (_what, line) => {
    const { pieces, parsed } = inPieces(Buffer.from(line.repeat(MAX_DELTA_LINES + 1)));

    expect(parsed).toMatchObject({ operations: [], rejectedOperations: 1 });
    expect(parsed.rejections[0]).toMatchObject({ line: 0, error: REJECTION.deltaTooLarge });
    expect(parsed.rejections[0]?.reason).toContain(String(MAX_DELTA_LINES + 1));
    expect(pieces).toBe(0);
  });

  it('counts a last line without a line break', () => {
    const bytes = Buffer.from(`${'\n'.repeat(MAX_DELTA_LINES)}{"op":"delete","id":"x"}`);

    expect(parseDelta(bytes, DIMENSION).rejections[0]?.error).toBe(REJECTION.deltaTooLarge);
  });

  it('has so many metadata values at most, however few its lines', () => {
    const metadata = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, 1]));
    const line = `${JSON.stringify({ op: 'update', id: 'x', metadata })}\n`;
    const most = MAX_DELTA_VALUES / 1_000;

    expect(parseDelta(Buffer.from(line.repeat(most)), DIMENSION)).toMatchObject({
      rejectedOperations: 0,
      values: MAX_DELTA_VALUES,
    });
    expect(parseDelta(Buffer.from(line.repeat(most + 1)), DIMENSION).rejections[0]?.error).toBe(
      REJECTION.deltaTooLarge,
    );
  });
});
