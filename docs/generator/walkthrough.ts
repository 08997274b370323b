/**
 * A page that is followed step by step, and really can be: its fenced blocks are executed from top to bottom.
 * `sh` is typed into a terminal, `sh background` into another one where it goes on running, `ts <file>` is written to that
 * file. `sh exits with <n>` must fail with that code. A `text` block after `sh` is what must be printed; after `sh background`, lines that must come.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { normalise } from './normalise.ts';
import type { Terminal } from './terminal.ts';

export interface Block {
  /** `sh`, `ts`, `text`, ... */
  language: string;
  /** The rest of the line that opens it. */
  info: string;
  text: string;
  /** In the page, from 1. */
  line: number;
  /** Of the text, in the page. */
  from: number;
  to: number;
}

export interface Step {
  line: number;
  typed: string;
  /** As a reader would see it. */
  output: string;
  /** Of what the page says was printed, in the page. */
  from: number;
  to: number;
  /** What was printed, and what the page says, both normalised. */
  printed: string;
  expected: string;
}

export interface WalkOptions {
  /** Of the page: replaced wherever they stand. */
  ports?: Readonly<Record<string, number>>;
  /** Where the page's reader is said to be. */
  home?: string;
  /** By what is typed: done in its place, where the result is known to be the same. Such a step must print nothing that the page shows. */
  insteadOf?: Readonly<Record<string, () => Promise<void>>>;
}

const FENCE = /^```(\w+) ?(.*)\n([\s\S]*?)^```$/gm;

export function blocksOf(markdown: string): Block[] {
  return Array.from(markdown.matchAll(FENCE), ({ index, 0: whole, 1: language = '', 2: info = '', 3: text = '' }) => {
    const to = index + whole.length - '```'.length;
    return { language, info, text, line: markdown.slice(0, index).split('\n').length, from: to - text.length, to };
  });
}

/** @throws Error as soon as a step fails, since those after it could not be followed any more */
export async function walk(markdown: string, terminal: Terminal, options: WalkOptions = {}): Promise<Step[]> {
  const { ports = {}, home = '/home/you/chroma-compactor', insteadOf = {} } = options;
  const real = (text: string) =>
    Object.entries(ports).reduce(
      (done, [port, free]) => done.replaceAll(new RegExp(`\\b${port}\\b`, 'g'), `${free}`),
      text,
    );
  const seen = (text: string) => text.replaceAll(terminal.directory, home);
  const plain = (text: string) => normalise(seen(text), home);
  const blocks = blocksOf(markdown);
  const steps: Step[] = [];
  for (const [index, { language, info, text, line }] of blocks.entries()) {
    if (language === 'ts') await writeFile(join(terminal.directory, info), real(text));
    if (language !== 'sh') continue;
    const next = blocks[index + 1];
    const said = next?.language === 'text' ? next : undefined;
    const instead = insteadOf[text.trim()];
    if (instead !== undefined) {
      await instead();
      continue;
    }
    if (info === 'background') {
      const lines = plain(said?.text ?? '').split('\n');
      await terminal.leaveRunning(real(text), (output) => lines.every((each) => plain(output).includes(each)));
      continue;
    }
    const { output, exitCode } = await terminal.type(real(text));
    const due = Number(/^exits with (\d+)$/.exec(info)?.[1] ?? 0);
    if (exitCode !== due) throw new Error(`Line ${line} ends with ${exitCode}, not ${due}: ${text}\n${output}`);
    if (said !== undefined) {
      const { from, to } = said;
      steps.push({
        line,
        typed: text,
        output: seen(output),
        from,
        to,
        printed: plain(output),
        expected: plain(said.text),
      });
    }
  }
  return steps;
}
