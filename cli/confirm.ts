/** Asks for confirmation of what cannot be undone. */
import { createInterface } from 'node:readline/promises';
import { InvalidInputError } from '../lambdas/errors/errors.ts';

/** @param deed What would be done, e.g. `roll back`. @throws InvalidInputError (there is no terminal to ask on) */
export async function confirm(question: string, deed: string): Promise<boolean> {
  if (!process.stdin.isTTY) {
    throw new InvalidInputError(`There is nobody to ask whether to ${deed}: give --yes.`);
  }
  const dialogue = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await dialogue.question(`${question} [y/N] `).finally(() => dialogue.close());
  return /^y(es)?$/i.test(answer.trim());
}
