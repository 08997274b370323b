/**
 * What differs from run to run gives way to placeholders, so that a page stays as it is until the product changes. The
 * rules are shown to readers of the reference.
 */
import { table } from './markdown.ts';

interface Rule {
  pattern: RegExp;
  placeholder: string;
  meaning: string;
}

const RULES: readonly Rule[] = [
  { pattern: /\b[0-9a-f]{64}\b/g, placeholder: '<sha256>', meaning: 'a SHA-256, in hexadecimal' },
  { pattern: /\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, placeholder: '<uuid>', meaning: 'a UUID' },
  { pattern: /\b[0-7][0-9A-HJKMNP-TV-Z]{25}\b/g, placeholder: '<ulid>', meaning: 'a ULID: of a commit, or of a delta' },
  { pattern: /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, placeholder: '<time>', meaning: 'a point in time' },
  { pattern: /\b\d+ ms\b/g, placeholder: '<n> ms', meaning: 'a duration' },
  { pattern: /\b\d+(\.\d+)? (B|KiB|MiB|GiB)(?![\w/])/g, placeholder: '<size>', meaning: 'a size' },
  { pattern: /\b\d+ (s|min|h|days) old\b/g, placeholder: '<age>', meaning: 'the age of a delta' },
  {
    pattern: /("\w*(?:Ms|At|[Bb]ytes|ageSeconds)": )\d+/g,
    placeholder: '$1<n>',
    meaning: 'a duration, time, age or size in JSON',
  },
  { pattern: /\bchroma \d+\.\d+\.\d+\b/g, placeholder: 'chroma <version>', meaning: 'the Chroma server in use' },
  { pattern: /\b127\.0\.0\.1:\d+/g, placeholder: '127.0.0.1:<port>', meaning: 'a free port' },
];

/** Said only after a while, so that it is part of no page. */
const WAITING = /^Waiting: .*\n/gm;

/** @param directory Where the commands ran; `<directory>` in the result. */
export function normalise(text: string, directory: string): string {
  const placed = text.replaceAll(directory, '<directory>').replaceAll(WAITING, '');
  const replaced = RULES.reduce((done, { pattern, placeholder }) => done.replaceAll(pattern, placeholder), placed);
  return align(replaced.trimEnd());
}

export function normalisationRules(): string {
  const rows = RULES.map(({ placeholder, meaning }) => [`\`${placeholder.replace('$1', '')}\``, meaning]);
  return table(['in place of', ''], [...rows, ['`<directory>`', 'where the commands ran']]);
}

/** Placeholders have other widths than what they replace: columns are set anew, two spaces apart. */
function align(text: string): string {
  const result: string[] = [];
  let rows: string[][] = [];
  for (const line of text.split('\n')) {
    const cells = line.trim().split(/ {2,}/);
    const isRow = cells.length > 1 && (rows[0] === undefined ? !line.startsWith(' ') : cells.length <= rows[0].length);
    if (isRow) rows.push(cells);
    else {
      result.push(...setColumns(rows), line);
      rows = [];
    }
  }
  return [...result, ...setColumns(rows)].join('\n');
}

/** The first row has a cell for every column; others may lack their last ones. Numbers to the right. */
function setColumns(rows: readonly string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const set = (cell: string, column: number) =>
    /^\d+$/.test(cell) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0);
  return rows.map((row) => row.map(set).join('  ').trimEnd());
}
