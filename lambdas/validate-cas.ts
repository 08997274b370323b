/** Lambda behind ValidateCas and CheckBase; which of the two is input. */

import { validateCas } from './compaction/validate-cas.ts';
import { makeHandler } from './runtime/handler.ts';

export const handler = makeHandler(validateCas);
