/**
 * Numbers of a collection's log, as delta ids (ADR 46). An endpoint's write is a delta whose id is a number: shaped
 * like a ULID whose ten characters of time are all `0` and whose other sixteen are the number in Crockford's base 32.
 * So they come first in a listing, and in order, and no ULID made since 1970 is one of them.
 */

const TIME = '0000000000';
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const NUMBERED = /^0{10}[0-9A-HJKMNP-TV-Z]{16}$/;

/** The beginning of every numbered id. */
export const NUMBERED_PREFIX = TIME;
/** The first number of a log. */
export const FIRST_NUMBER = 1;

/** @param number A safe integer, from 1. @throws RangeError */
export function numberedId(number: number): string {
  if (!Number.isSafeInteger(number) || number < FIRST_NUMBER) throw new RangeError(`${number} is no number of a log.`);
  let digits = '';
  for (let rest = number; rest > 0; rest = Math.floor(rest / 32)) digits = DIGITS[rest % 32] + digits;
  return TIME + digits.padStart(16, '0');
}

/**
 * The member `numbered` of a manifest: the highest number that its ledger or its base decides. Absent before the first
 * one.
 */
export function numberedMark(
  base: number | undefined,
  ledger: ReadonlyArray<{ deltaId: string }>,
): { numbered?: number } {
  const numbered = ledger.reduce((most, { deltaId }) => Math.max(most, numberIn(deltaId) ?? 0), base ?? 0);
  return numbered === 0 ? {} : { numbered };
}

/** The number that an id stands for; `undefined` if it is not a numbered id. */
export function numberIn(deltaId: string): number | undefined {
  if (!NUMBERED.test(deltaId)) return undefined;
  let number = 0;
  for (const digit of deltaId.slice(TIME.length)) number = number * 32 + DIGITS.indexOf(digit);
  return Number.isSafeInteger(number) && number >= FIRST_NUMBER ? number : undefined;
}
