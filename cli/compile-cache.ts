/** Where node keeps what it has compiled, so that the next command need not do it again. */
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * In the user's own cache folder: node's default is below /tmp, where others could put something in its place. NODE_COMPILE_CACHE
 * and NODE_DISABLE_COMPILE_CACHE are obeyed. Where it cannot be written, things are compiled each time, and nothing fails.
 */
export function keepCompiled(env: NodeJS.ProcessEnv = process.env): void {
  const caches = env.XDG_CACHE_HOME || join(homedir(), '.cache');
  enableCompileCache(env.NODE_COMPILE_CACHE ?? join(caches, 'chroma-compactor', 'compiled'));
}
