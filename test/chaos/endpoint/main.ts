/**
 * `npm run chaos:endpoint -- --rounds N [--seed S]`: clients write through two endpoints while two compactors merge; all of
 * them are killed by SIGKILL in mid-traffic. Whatever was acknowledged must be found by a new endpoint as a plain Chroma has
 * it that got the same writes. Exit codes: 0 no difference, 1 differences, 2 bad arguments.
 */
import { script, seedOption, wholeNumber } from '../../../local/script.ts';
import { runCampaign } from './campaign.ts';

const { rounds, seed } = script(
  'npm run chaos:endpoint --',
  'Kills endpoints and compactors in mid-traffic: what was acknowledged must be there.',
  ['npm run chaos:endpoint -- --rounds 10', 'npm run chaos:endpoint -- --rounds 1 --seed 7001'],
)
  .option('--rounds <n>', 'of processes that are killed', wholeNumber(1), 3)
  .addOption(seedOption())
  .parse()
  .opts<{ rounds: number; seed: number }>();
const report = await runCampaign(rounds, seed, (round, { acknowledged, endpoints, compactors, differences }) => {
  process.stderr.write(
    `round ${round}/${rounds}: ${acknowledged} writes acknowledged, ${endpoints} endpoints and ${compactors} compactors ` +
      `killed, ${differences.length} differences\n`,
  );
  // A campaign is long.
  for (const difference of differences) process.stderr.write(`  ${difference}\n`);
});
const { differences, kept, ...figures } = report;
process.stdout.write(
  `${figures.rounds} rounds in ${figures.seconds} s, seed ${seed}\n` +
    `killed                 ${figures.endpoints} endpoints, ${figures.compactors} compactors\n` +
    `writes                 ${figures.acknowledged} acknowledged in ${figures.numbers} objects of the log, ` +
    `${figures.retried} attempts retried; ${figures.reads} read back\n` +
    `differences            ${differences.length}\n`,
);
for (const difference of differences) process.stdout.write(`${difference}\n`);
if (kept !== null) process.stdout.write(`Everything is kept in ${kept}.\n`);
if (differences.length > 0) process.exitCode = 1;
