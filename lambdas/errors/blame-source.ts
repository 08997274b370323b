/** Reports damage found in a copy as damage of its source. */
import { DamagedSourceError } from './errors.ts';

/**
 * Errors about working directories advise to discard and retry, which is wrong for the source of an import: it must not
 * be discarded, and would fail in the same way again.
 * @param copy Path of the working directory.
 */
export function blameSource(source: string, copy: string, error: Error): DamagedSourceError {
  const { cause } = error;
  const first = error.message.split(/\. (?=[A-Z])/)[0]?.replace(/\.$/, '') ?? '';
  const reason = cause instanceof Error && !first.includes(cause.message) ? `${first} (${cause.message})` : first;
  return new DamagedSourceError(
    `"${source}" cannot be imported: ${reason.replaceAll(copy, source)}. Restore a backup of it, or add its records to a new directory.`,
    { cause: error },
  );
}
