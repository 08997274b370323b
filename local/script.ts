/** What the commands in package.json have in common, beside `compactor`: their help, and how they refuse. */
import { Command, InvalidArgumentError, Option } from 'commander';

const BAD_ARGUMENTS = 2;

/**
 * A command with an example in its help. Whatever it does not know is told in one line, and ends it with exit code 2.
 * @param typed What people type before the options, such as `npm run simulate --`.
 */
export function script(typed: string, description: string, examples: readonly string[]): Command {
  return new Command(typed)
    .description(description)
    .addHelpText('after', `\nExample:\n${examples.map((example) => `  ${example}`).join('\n')}`)
    .configureOutput({ outputError: (text, write) => write(`${text.trim().replaceAll('\n', ' ')}\n`) })
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : BAD_ARGUMENTS));
}

/** Parses an option that is a whole number of `least` or more. */
export function wholeNumber(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(number) || number < least) {
      throw new InvalidArgumentError(`It must be a whole number, ${least} or more.`);
    }
    return number;
  };
}

/** Of a campaign that draws its plan: another one each time, unless it is given. */
export function seedOption(): Option {
  return new Option('--seed <n>', 'of the plan')
    .argParser(wholeNumber(0))
    .default(Date.now() % 2 ** 31, 'by the clock');
}
