/** Kinds of settings, and a limit that several of them share. */
import { z } from 'zod';

/** The most that Lambda allows a new account, by the message with which it refuses more. */
export const NEW_ACCOUNT_MEMORY_MIB = 3_008;

export function seconds(least: number, most: number) {
  return z.coerce.number().int().min(least).max(most);
}

/** A yes or no: on the command line everything is text. */
export const flag = z.preprocess((value) => ({ true: true, false: false })[String(value)] ?? value, z.boolean());
