/**
 * Bugs in the product's own source: one piece of text in one file, replaced as the file is loaded. What cannot be bent at
 * a port, a transition or a handler is planted so, in a thread of the simulator or in a run of the tests; nothing on the
 * disk is touched.
 */

export interface SourceChange {
  /** From the root of the repository. */
  file: string;
  /** Occurs exactly once. */
  text: string;
  instead: string;
}

/** @throws RangeError (the text does not occur exactly once: the product has changed, and the plant has to follow) */
export function changeSource(source: string, { file, text, instead }: SourceChange): string {
  const parts = source.split(text);
  if (parts.length === 2) return parts.join(instead);
  throw new RangeError(`The text of a planted bug occurs ${parts.length - 1} times in ${file}, not once: ${text}`);
}

/** The change that is meant for a module, by its URL or path. */
export function changeFor(changes: readonly SourceChange[], id: string): SourceChange | undefined {
  const path = id.split('?')[0] ?? '';
  return changes.find(({ file }) => path.endsWith(`/${file}`));
}
