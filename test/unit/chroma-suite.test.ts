/** How runs of Chroma's own tests are judged, without running them. */
import { expect, it } from 'vitest';
import { differencesIn } from '../chroma/differences.ts';

const ended = (outcomes: Record<string, string>) => ({ outcomes: new Map(Object.entries(outcomes)) });

it('beside plain Chroma, whatever ends otherwise is a difference', () => {
  const plain = ended({ adds: 'passed', refuses: 'failed', waits: 'skipped', hides: 'passed' });
  const quiet = ended({ adds: 'failed', refuses: 'failed', waits: 'passed', shows: 'passed' });

  const differences = differencesIn(new Map(Object.entries({ plain, quiet })));

  expect(differences.get('plain')).toEqual([]);
  expect(differences.get('quiet')).toEqual([
    'adds: failed, with plain Chroma passed',
    'waits: passed, with plain Chroma skipped',
    'shows: passed, with plain Chroma not there',
    'hides: not there, with plain Chroma passed',
  ]);
});

it('without plain Chroma, a failure is a difference', () => {
  const differences = differencesIn(
    new Map([['quiet', ended({ adds: 'passed', refuses: 'failed', waits: 'skipped' })]]),
  );

  expect(differences.get('quiet')).toEqual(['refuses: failed, with plain Chroma passed']);
});

it.each<Record<string, string>>([{}, { adds: 'skipped', waits: 'skipped' }])(
  'a run in which nothing passed has shown nothing: %o',
  (outcomes) => {
    const alone = differencesIn(new Map([['quiet', ended(outcomes)]]));
    const beside = differencesIn(
      new Map([
        ['plain', ended(outcomes)],
        ['quiet', ended(outcomes)],
      ]),
    );

    expect(alone.get('quiet')).toEqual(['no test passed']);
    expect(beside.get('quiet')).toEqual(['no test passed']);
  },
);
