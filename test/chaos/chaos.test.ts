/** The short form of `npm run chaos`. */
import { expect, test } from 'vitest';
import { runCampaign } from './campaign.ts';

const ROUNDS = 5;

test(`${ROUNDS} rounds of workers that are killed by SIGKILL leave every collection as its model has it`, async () => {
  const report = await runCampaign({ rounds: ROUNDS, seed: 1 });

  expect(report.differences).toEqual([]);
  expect(report.rounds).toBe(ROUNDS);
  expect(Object.values(report.kills).reduce((sum, kills) => sum + kills, 0)).toBeGreaterThanOrEqual(ROUNDS);
  expect(report.deltas).toBeGreaterThan(0);
  expect(report.versions).toBeGreaterThan(ROUNDS);
});
