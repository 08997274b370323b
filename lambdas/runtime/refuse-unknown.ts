import { InvalidInputError } from '../errors/errors.ts';

/** Every member of what is handed over; the compiler knows if one is missing. */
export type Members<Given> = Readonly<Record<keyof Required<Given>, true>>;

/**
 * An unknown member is misspelt, or meant for another version: whoever ignored it would do something else than was asked.
 * @param what For the error, in the nominative.
 * @throws InvalidInputError
 */
export function refuseUnknown<Given extends object>(what: string, given: Given, known: Members<Given>): void {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(known, name));
  if (unknown.length === 0) return;
  throw new InvalidInputError(
    `${what} cannot have ${unknown.join(', ')}; known are ${Object.keys(known).join(', ')}. Nothing was done.`,
  );
}
