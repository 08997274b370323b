/** A disk that is full has its name, whether the system says so or SQLite. */
import { DatabaseSync } from 'node:sqlite';
import { expect, it } from 'vitest';
import { withRoom } from '../../lambdas/adapters/files/disk-errors.ts';
import { DiskFullError } from '../../lambdas/errors/errors.ts';

/** SQLite's own limit on pages ends a transaction as a full disk does. */
function fill(): void {
  const database = new DatabaseSync(':memory:');
  try {
    database.exec('PRAGMA max_page_count = 3; CREATE TABLE t (x)');
    database.exec('INSERT INTO t VALUES (hex(zeroblob(100000)))');
  } finally {
    database.close();
  }
}

it('says SQLite in this thread', async () => {
  await expect(withRoom('/disk', async () => fill())).rejects.toThrow(DiskFullError);
});

it('says SQLite in another thread, whose error brings its text alone', async () => {
  const text = await Promise.resolve()
    .then(fill)
    .catch((error: Error) => error.message);

  await expect(withRoom('/disk', () => Promise.reject(new Error(String(text))))).rejects.toThrow(DiskFullError);
});

it('is not what everything else is called', async () => {
  const failing = withRoom('/disk', () => Promise.reject(new Error('no such table: t')));

  await expect(failing).rejects.not.toThrow(DiskFullError);
  await expect(failing).rejects.toThrow('no such table');
});
