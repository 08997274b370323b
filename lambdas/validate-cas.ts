/** Lambda behind ValidateCas and CheckBase; which of the two is input. */
import { makeHandler } from './runtime/handler.ts';
import { validateCas } from './steps/validate-cas.ts';

export const handler = makeHandler(validateCas);
