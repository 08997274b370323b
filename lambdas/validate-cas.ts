/** Lambda behind ValidateCas and CheckBase; the input says which of the two. */

import { validateCas } from './compaction/validate-cas.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(validateCas);
