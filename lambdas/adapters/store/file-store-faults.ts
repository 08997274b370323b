/** Translates errors of the file system into those of an object store. */
import {
  CompactorError,
  InvalidInputError,
  ObjectNotFoundError,
  PreconditionFailedError,
  StoreUnavailableError,
} from '../../errors/errors.ts';

/** Meaning of an error code during one kind of operation; codes not named here make the store unavailable. */
export type Faults = Readonly<Record<string, (key: string, options: ErrorOptions) => CompactorError>>;

const notFound = (key: string, options: ErrorOptions) => new ObjectNotFoundError(key, options);
const shadowed = (key: string, options: ErrorOptions) =>
  new InvalidInputError(`"${key}" cannot be stored: one of its folders is an object. Choose another key.`, options);

/** Opening or removing: the file, or a folder on its path, does not exist, or the path names a folder. */
export const FINDING: Faults = { ENOENT: notFound, ENOTDIR: notFound, EISDIR: notFound };
/** Making the folders of a key. */
export const MAKING_FOLDERS: Faults = { EEXIST: shadowed, ENOTDIR: shadowed };
/** Linking a file to its place. */
export const CREATING: Faults = { EEXIST: (key, options) => new PreconditionFailedError(key, options) };
export const WRITING: Faults = {};

/** Run an operation of the file system; errors that are already ours pass. */
export async function translating<T>(
  url: string,
  key: string,
  faults: Faults,
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    if (error instanceof CompactorError || !(error instanceof Error) || !('code' in error)) throw error;
    const options = { cause: error };
    const known = faults[String(error.code)];
    if (known !== undefined) throw known(key, options);
    throw new StoreUnavailableError(
      `The file store ${url} failed at "${key}": ${error.message}. Check that its disk is mounted, writable and not full.`,
      options,
    );
  }
}

/** For deletes: an absent object is success. */
export function absentAsUndefined(error: unknown): undefined {
  if (!(error instanceof ObjectNotFoundError)) throw error;
}
