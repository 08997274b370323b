/** Kinds of settings, and a limit that several of them share. */
import { z } from 'zod';

/** The most memory that Lambda allows a new account, according to the message with which it refuses more. */
export const NEW_ACCOUNT_MEMORY_MIB = 3_008;

export function seconds(least: number, most: number) {
  return z.coerce.number().int().min(least).max(most);
}

/** A boolean. It may be given as text, since everything on the command line is. */
export const flag = z.preprocess((value) => ({ true: true, false: false })[String(value)] ?? value, z.boolean());
