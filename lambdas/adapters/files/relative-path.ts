import { InvalidInputError } from '../../errors/errors.ts';

/**
 * Refuse a path that could lead out of the folder it is relative to.
 * @throws InvalidInputError
 */
export function checkRelativePath(path: string): string {
  const segments = path.split('/');
  const safe = path.length <= 1024 && !path.includes('\0') && segments.every((name) => !['', '.', '..'].includes(name));
  if (!safe) {
    throw new InvalidInputError(
      `${JSON.stringify(path.slice(0, 80))} is no usable path. Use a relative one without "." and ".." segments, ` +
        'separated by single slashes.',
    );
  }
  return path;
}
