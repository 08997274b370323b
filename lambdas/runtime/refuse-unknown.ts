import { InvalidInputError } from '../errors/errors.ts';

/** All members of an object; the compiler reports one that is missing. */
export type Members<Given> = Readonly<Record<keyof Required<Given>, true>>;

/**
 * Refuse unknown members. Such a member is misspelt or meant for another version, and ignoring it would do something
 * other than what was asked.
 * @param what Name of the object, as the subject of the error's sentence.
 * @throws InvalidInputError
 */
export function refuseUnknown<Given extends object>(what: string, given: Given, known: Members<Given>): void {
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(known, name));
  if (unknown.length === 0) return;
  throw new InvalidInputError(
    `${what} cannot have ${unknown.join(', ')}; known are ${Object.keys(known).join(', ')}. Nothing was done.`,
  );
}
