/** `compactor`: create, fill, compact, read and check collections, on AWS or on the local stack. */
import { keepCompiled } from './compile-cache.ts';

// Must come first: modules loaded before it are compiled anew each time.
keepCompiled();
const { createProgram } = await import('./program.ts');

await (await createProgram(process.env, process.argv.slice(2))).parseAsync();
