/**
 * `npm run chaos -- --rounds N [--seed S] [--json]`: worker processes with real Chroma on one directory store, killed by
 * SIGKILL in every phase of a compaction; afterwards each collection is compared with its model, record by record.
 * Exit codes: 0 no difference, 1 differences, or (from ten rounds on) a phase that no kill hit,
 * 2 bad arguments.
 */
import { script, seedOption, wholeNumber } from '../../local/script.ts';
import { type CampaignReport, runCampaign } from './campaign.ts';

/** From here on a phase that no kill hit is a failure of the campaign. */
const ROUNDS_TO_HIT_ALL = 10;

const { rounds, seed, json } = script(
  'npm run chaos --',
  'Kills compactors in every phase, and compares what is stored.',
  ['npm run chaos -- --rounds 10', 'npm run chaos -- --rounds 1 --seed 7001'],
)
  .option('--rounds <n>', 'of workers that are killed', wholeNumber(1), 5)
  .addOption(seedOption())
  .option('--json', 'print one JSON document')
  .parse()
  .opts<{ rounds: number; seed: number; json?: boolean }>();

function table(counts: Record<string, number>): string {
  return Object.entries(counts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([what, number]) => `${what} ${number}`)
    .join(', ');
}

function text(report: CampaignReport): string {
  const { kills, hydrations, failures, differences, phasesNotHit, kept } = report;
  const lines = [
    `${report.rounds} rounds in ${report.seconds} s, seed ${report.seed}`,
    `executions killed in   ${table(kills)}; ${report.idleKills} kills met a worker at rest`,
    `deltas                 ${report.deltas} (${report.operations} operations), ${report.duplicates} sent again, ` +
      `${report.reusesTaken} ids used again for other content and taken, ${report.reusesRefused} refused`,
    `versions               ${report.versions}; merges by directory: ${table(hydrations)}`,
    ...(Object.keys(failures).length === 0 ? [] : [`failed executions      ${table(failures)}`]),
    ...(phasesNotHit.length === 0 ? [] : [`phases not hit         ${phasesNotHit.join(', ')}: run more rounds`]),
    `differences            ${differences.length}`,
    ...differences,
    ...(kept === null ? [] : [`Everything is kept in ${kept}.`]),
  ];
  return `${lines.join('\n')}\n`;
}

const report = await runCampaign({
  rounds,
  seed,
  onRound: (round, { kills, versions, differences }) =>
    process.stderr.write(
      `round ${round}/${rounds}: killed in ${kills.join(', ')}; ${versions} versions, ${differences.length} differences\n`,
    ),
});
process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : text(report));
const isComplete = report.phasesNotHit.length === 0 || rounds < ROUNDS_TO_HIT_ALL;
if (report.differences.length > 0 || !isComplete) process.exitCode = 1;
