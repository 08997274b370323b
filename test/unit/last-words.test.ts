/** What is repeated of a Chroma server that died: why, and none of what each of them prints at its start. */
import { expect, it } from 'vitest';
import { lastWords } from '../../lambdas/adapters/chroma/last-words.ts';

const BANNER = `\u001b[38;5;069m(((((((((    \u001b[38;5;203m(((((####\u001b[0m
 (((((((((((((((((((((#########

Saving data to: \u001b[32m/tmp/snapshot\u001b[0m
Connect to Chroma at: http://localhost:8000
Getting started guide: https://docs.trychroma.com

☁️ To deploy your DB - try Chroma Cloud!
- Sign up: https://trychroma.com/signup
- Docs: https://docs.trychroma.com/cloud/getting-started
- Copy your data to Cloud: chroma copy --to-cloud --all

OpenTelemetry is not enabled because it is missing from the config.
`;

it('is nothing of a server that only greeted', () => {
  expect(lastWords(BANNER)).toBe('');
});

it('is the last lines after the greeting', () => {
  expect(lastWords(`${BANNER}one\ntwo\n\u001b[31mthree\u001b[0m\nfour\nfive\nsix\n`)).toBe(
    'two\nthree\nfour\nfive\nsix',
  );
});

it('is the message of a panic, without its place and stack', () => {
  const panic = `\nthread 'main' panicked at /home/runner/work/chroma/rust/cli/src/lib.rs:12:5:
Error running migrations: inconsistent version
stack backtrace:
   0: std::panicking::begin_panic
note: Some details are omitted.
`;

  expect(lastWords(BANNER + panic)).toBe('Error running migrations: inconsistent version');
});

it('is no longer than a message may be', () => {
  expect(lastWords('x'.repeat(60_000))).toHaveLength(1_000);
});
