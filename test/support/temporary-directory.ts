/** Everything that tests make below the system's temporary directory is gone when all have ended, whoever left it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Vitest calls it once per run, before it starts the processes of tests, and what it returns after the last. */
export default function setup(): () => void {
  const own = mkdtempSync(join(tmpdir(), 'tests-'));
  process.env.TMPDIR = own;
  return () => {
    try {
      rmSync(own, { recursive: true, force: true, maxRetries: 5 });
    } catch {
      // Somebody still writes there: no reason to fail what has passed.
    }
  };
}
