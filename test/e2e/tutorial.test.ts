/** docs/tutorial.md is followed from top to bottom, in a fresh copy of this checkout, and prints what it says. */
import { expect, it } from 'vitest';
import { followTutorial } from '../../docs/generator/tutorial.ts';

it('can be followed: if only its output is out of date, `npm run docs`', async () => {
  const { steps } = await followTutorial();

  for (const { line, typed, printed, expected } of steps) expect(printed, `line ${line}: ${typed}`).toBe(expected);
  expect(steps.length).toBeGreaterThan(10);
});
