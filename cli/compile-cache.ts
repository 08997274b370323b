/** Chooses where Node keeps compiled code, so that the next command need not compile it again. */
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Uses the user's own cache folder, because node's default is below /tmp, where other users could plant files.
 * NODE_COMPILE_CACHE and NODE_DISABLE_COMPILE_CACHE are obeyed. If the folder cannot be written, code is compiled each
 * time, and nothing fails.
 */
export function keepCompiled(env: NodeJS.ProcessEnv = process.env): void {
  const caches = env.XDG_CACHE_HOME || join(homedir(), '.cache');
  enableCompileCache(env.NODE_COMPILE_CACHE ?? join(caches, 'chroma-compactor', 'compiled'));
}
