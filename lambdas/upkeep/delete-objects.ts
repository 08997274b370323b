/** Many objects that are garbage for sure. */
import { mapLimit } from '../concurrency/map-limit.ts';
import { retry } from '../concurrency/retry.ts';
import { StoreUnavailableError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';

const PARALLEL = 8;
const ATTEMPTS = 4;
const MAX_FAILURES = 10;

type DeletePorts = Pick<Ports, 'store' | 'clock' | 'ids'>;

/**
 * Begun in the order given. One object that cannot be deleted keeps none of the others, until many cannot: then it is
 * the store. What is left goes in a later run. @throws the first failure, once the others are done
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
