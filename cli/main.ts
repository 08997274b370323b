/** `compactor`: create, fill, compact, read and check collections, on AWS or on the local stack. */
import { createProgram } from './program.ts';

await createProgram().parseAsync();
