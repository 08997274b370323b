/** What a Chroma server printed, without what it prints at every start: for the end of an error message. */
import { stripVTControlCharacters } from 'node:util';

const MAX_LINES = 5;
const MAX_LENGTH = 1_000;
/** The server's banner, and what it prints about itself. */
const GREETING =
  /^[(#\s]*$|^(Saving data to|Connect to Chroma at|Getting started guide|- Sign up|- Docs|- Copy your data|OpenTelemetry is not)|To deploy your DB/;
/** For a panic only the message is kept, without the source location and the stack. */
const PANIC = /panicked at [^\n]*:\d+:\d+:?\n([^\n]+)/;

/** @returns the empty string if it printed nothing worth repeating */
export function lastWords(output: string): string {
  const text = stripVTControlCharacters(output);
  const panic = PANIC.exec(text)?.[1];
  if (panic !== undefined) return panic.trim().slice(0, MAX_LENGTH);
  const lines = text.split('\n').filter((line) => !GREETING.test(line.trim()));
  return lines.slice(-MAX_LINES).join('\n').trim().slice(-MAX_LENGTH);
}
