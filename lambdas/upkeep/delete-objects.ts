/** Deletes many objects that are proven garbage. */
import { mapLimit } from '../concurrency/map-limit.ts';
import { retry } from '../concurrency/retry.ts';
import { StoreUnavailableError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';

const PARALLEL = 8;
const ATTEMPTS = 4;
const MAX_FAILURES = 10;

type DeletePorts = Pick<Ports, 'store' | 'clock' | 'ids'>;

/**
 * Deletions begin in the given order. One that fails does not stop the others, but many failures mean that the store is
 * failing, so the rest is left to a later run. @throws the first failure, once all running deletions are done
 */
export async function deleteAll(ports: DeletePorts, objects: ReadonlyArray<{ key: string }>): Promise<void> {
  const failures: unknown[] = [];
  await mapLimit(objects, PARALLEL, async ({ key }) => {
    if (failures.length >= MAX_FAILURES) return;
    await deleteOne(ports, key).catch((error: unknown) => failures.push(error));
  });
  if (failures.length > 0) throw failures[0];
}

async function deleteOne(ports: DeletePorts, key: string): Promise<void> {
  const isTransient = (error: unknown) => error instanceof StoreUnavailableError;
  await retry(ports, ATTEMPTS, () => ports.store.delete(key), isTransient);
}
