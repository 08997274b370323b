/** The short form of `npm run chaos:endpoint`. */
import { expect, it } from 'vitest';
import { HAS_ENGINE } from '../../endpoint/support.ts';
import { runCampaign } from './campaign.ts';
import { planRound } from './plan.ts';

const ROUNDS = 3;

it.skipIf(!HAS_ENGINE)(`${ROUNDS} rounds of endpoints that are killed lose, double and reorder nothing`, async () => {
  const report = await runCampaign(ROUNDS, 1);

  expect(report.differences).toEqual([]);
  expect(report.rounds).toBe(ROUNDS);
  expect(report.endpoints).toBeGreaterThan(0);
  expect(report.compactors).toBeGreaterThan(0);
  expect(report.acknowledged).toBeGreaterThan(100);
});

it('the seed replays the plan', () => {
  const plans = [planRound(7, 2), planRound(7, 2), planRound(7, 3)];

  expect(plans[0]).toEqual(plans[1]);
  expect(plans[0]).not.toEqual(plans[2]);
});
