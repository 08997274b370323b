/** Markdown as the reference pages are written in: tables, code, and the note that says where a page comes from. */

/** First lines of every generated page. */
export function heading(title: string, ...sources: string[]): string {
  const links = sources.map((source) => `[\`${source}\`](../../${source})`).join(', ');
  return `# ${title}\n\nMade by \`npm run docs\` from ${links}. Change it there.\n`;
}

/** @param rows Cells in Markdown, of one line each. */
export function table(titles: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

export function code(text: string): string {
  return `\`${text}\``;
}

export function fence(text: string, language = 'text'): string {
  return `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
}

export function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join('\n');
}

/** The anchor that GitHub gives a heading: lower case, without punctuation, spaces as hyphens. */
export function anchor(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');
}

/** Sections with one empty line between them, and one newline at the end. */
export function page(...sections: string[]): string {
  return `${sections.map((section) => section.trim()).join('\n\n')}\n`;
}
