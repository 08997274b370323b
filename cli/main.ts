/** `compactor`: create, fill, compact, read and check collections, on AWS or on the local stack. */
import { lockWaits } from '../lambdas/adapters/store/file-lock.ts';
import { createProgram } from './program.ts';

lockWaits.subscribe((reason) => process.stderr.write(`Waiting: ${reason}.\n`));

await createProgram().parseAsync();
