/** docs/reference/cli.md: what commander knows of each command, and what it really prints. */
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command, Option } from 'commander';
import { EXIT_MEANINGS } from '../../cli/output.ts';
import { createProgram } from '../../cli/program.ts';
import { anchor, code, fence, heading, list, page, table } from './markdown.ts';
import { normalisationRules, normalise } from './normalise.ts';
import { STORY } from './story.ts';
import { openTerminal } from './terminal.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Shown {
  typed: string;
  output: string;
  exitCode: number;
}

/** Run the story in a temporary directory. @returns What each section shows. */
export async function playStory(): Promise<Map<string, Shown[]>> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), 'compactor-docs-')));
  const terminal = openTerminal(directory);
  const sections = new Map<string, Shown[]>();
  try {
    await terminal.leaveRunning(`node '${ROOT}local/main.ts' --port 0 --manual`, (output) =>
      output.includes('another terminal'),
    );
    await terminal.type(`compactor() { node '${ROOT}cli/main.ts' "$@"; }`);
    for (const { shownIn, typed } of STORY) {
      const { output, exitCode } = await terminal.type(typed);
      if (shownIn === undefined) {
        if (exitCode !== 0) throw new Error(`Preparing the story failed at "${typed}": ${output}`);
        continue;
      }
      const shown = { typed, output: normalise(output, directory), exitCode };
      sections.set(shownIn, [...(sections.get(shownIn) ?? []), shown]);
    }
  } finally {
    await terminal.close();
    await rm(directory, { recursive: true, force: true });
  }
  return sections;
}

export async function cliPage(sections: ReadonlyMap<string, readonly Shown[]>): Promise<string> {
  const program = await createProgram({});
  const commands = program.commands.map((command) => ({ command, name: command.name() }));
  return page(
    heading('Command line', 'cli/program.ts', 'cli/commands', 'docs/generator/story.ts'),
    `\`compactor <command>\`; in a checkout of this repository \`npm run --silent cli -- <command>\`. It works on AWS when \`STORE_URL\`, \`TABLE_NAME\` and \`STATE_MACHINE_ARN\` are set ([configuration](configuration.md)), and otherwise on the local stack of a data directory: the one that \`npm run local\` keeps running there, or one that lives as long as the command.`,
    list(commands.map(({ name, command }) => `[${name}](#${anchor(`compactor ${name}`)}): ${command.description()}`)),
    `## Every command\n\n${options(program)}`,
    `## Exit codes`,
    table(
      ['code', 'meaning'],
      Object.entries(EXIT_MEANINGS).map(([exitCode, { meaning }]) => [exitCode, meaning]),
    ),
    `An error goes to standard error, as its [name](errors.md) and a message; with \`--json\` as \`{"error", "message", "exitCode"}\`.`,
    `## About the output below

The commands printed it, one after the other, on a local stack in an empty directory. What differs from run to run is replaced:`,
    normalisationRules(),
    ...commands.map(({ command, name }) => section(command, sections.get(name) ?? [])),
  );
}

function section(command: Command, shown: readonly Shown[]): string {
  const takes = command.registeredArguments.filter(({ description }) => description !== '');
  return page(
    `## compactor ${command.name()}`,
    `${capitalised(command.description())}.`,
    fence(`compactor ${command.name()} ${command.usage()}`.replace('[options] [command]', ''), 'sh'),
    ...(takes.length === 0 ? [] : [list(takes.map(({ name, description }) => `\`${name()}\`: ${description}`))]),
    ...(command.options.length === 0 ? [] : [options(command)]),
    ...helpAfter(command),
    ...(shown.length === 0 ? [] : [`### Output of ${command.name()}`, ...shown.map(transcript)]),
  );
}

function options(command: Command): string {
  const rows = command.options.map((option) => [code(option.flags), option.description, presetOf(option)]);
  return table(['option', 'meaning', 'default'], rows);
}

function presetOf({ mandatory, defaultValue, argChoices, negate }: Option): string {
  const choices = argChoices === undefined ? '' : ` (of ${argChoices.map(code).join(', ')})`;
  if (mandatory && defaultValue === undefined) return `**required**${choices}`;
  return defaultValue === undefined || negate ? choices.trim() : `${code(String(defaultValue))}${choices}`;
}

/** What a command's help says after its options: remarks as they are, examples as code. */
function helpAfter(command: Command): string[] {
  let help = '';
  const write = (text: string) => {
    help += text;
  };
  command.configureOutput({ writeOut: write }).outputHelp();
  const [remarks = '', example = ''] = help.slice(command.helpInformation().length).split('\nExample:\n');
  return [
    ...(remarks.trim() === '' ? [] : [fence(remarks.replace(/^\n+/, ''))]),
    ...(example.trim() === '' ? [] : [`Example:\n\n${fence(example.replaceAll(/^ {2}/gm, ''), 'sh')}`]),
  ];
}

function transcript({ typed, output, exitCode }: Shown): string {
  const code = exitCode === 0 ? '' : `\n\nExit code ${exitCode}.`;
  return `${fence(`$ ${typed}\n${output}`, 'console')}${code}`;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
