/**
 * `npm run chaos -- --rounds N [--seed S] [--json]`: worker processes with real Chroma on one directory store, killed by
 * SIGKILL in every phase of a compaction; afterwards each collection is compared with its model, record by record.
 * Exit codes: 0 no difference, 1 differences, or (from ten rounds on) a phase that no kill hit,
 * 2 bad arguments.
 */
import { parseArgs } from 'node:util';
import { type CampaignReport, runCampaign } from './campaign.ts';

/** From here on a phase that no kill hit is a failure of the campaign. */
const ROUNDS_TO_HIT_ALL = 10;
const USAGE = 'Usage: npm run chaos -- --rounds <1 or more> [--seed <number>] [--json]\n';

function parse(): { rounds: number; seed: number; json: boolean } | undefined {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: 'string', default: '5' },
        seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
        json: { type: 'boolean', default: false },
      },
    });
    const { rounds, seed } = { rounds: Number(values.rounds), seed: Number(values.seed) };
    return Number.isInteger(rounds) && rounds > 0 && Number.isInteger(seed) ? { ...values, rounds, seed } : undefined;
  } catch {
    return undefined;
  }
}

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

const options = parse();
if (options === undefined) {
  process.stderr.write(USAGE);
  process.exitCode = 2;
} else {
  const { rounds, seed, json } = options;
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
}
