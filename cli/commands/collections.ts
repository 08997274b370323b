import type { DescribeExecutionCommandOutput } from '@aws-sdk/client-sfn';
import type { Command } from 'commander';
import { mapLimit } from '../../lambdas/concurrency/map-limit.ts';
import { CorruptObjectError, PointerMissingError } from '../../lambdas/errors/errors.ts';
import type { Ports } from '../../lambdas/ports.ts';
import { parseRejectionKey, rejectionsPrefix } from '../../lambdas/snapshot/keys.ts';
import { liveBytes } from '../../lambdas/snapshot/manifest.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { withTarget } from '../command.ts';
import { errorOf, type LastError, latestFailures } from '../executions-of.ts';
import { listCollections } from '../explain/find.ts';
import { bytes, columns } from '../output.ts';
import { withProgress } from '../progress.ts';
import { age, errorInWords, readWaiting, type Waiting } from '../waiting.ts';

const AT_ONCE = 8;

interface CollectionSummary {
  /** Under which it is stored. */
  collection: string;
  /** Why it cannot be read; then what follows is `null`, except for the last error. */
  problem: string | null;
  version: number | null;
  records: number | null;
  /** Of the current snapshot. */
  bytes: number | null;
  waiting: Waiting | null;
  /** Number of reports on deltas of which something was rejected. */
  rejected: number | null;
  committedAt: string | null;
  lastError: LastError | null;
}

/** `compactor collections`: all of a store at a glance. */
export function collections(program: Command): void {
  const command = program
    .command('collections')
    .description('list all collections: records, bytes, what waits, rejections, last commit, last error')
    .addHelpText(
      'after',
      `
Each is listed as it is stored: compactor names has the names that clients use. The last error is looked for among the
latest failures of all collections; one that a commit has followed is in the JSON only, as "over".

Example:
  compactor collections
  compactor collections --json`,
    );
  withTarget<[]>(command, async ({ target, output }) => {
    const summaries = await withProgress(output, 'Reading collections', async () => {
      const [stored, failures] = await Promise.all([listCollections(target), latestFailures(target)]);
      return mapLimit(stored, AT_ONCE, (name) => summarise(target.ports, name, failures.get(name)));
    });
    const text = [columns([HEADING, ...summaries.map(toRow)]), ...summaries.flatMap(troubles)].join('\n');
    output.result(summaries, summaries.length === 0 ? 'There are no collections.' : text);
  });
}

async function summarise(
  ports: Ports,
  collection: string,
  failed: DescribeExecutionCommandOutput | undefined,
): Promise<CollectionSummary> {
  try {
    const { pointer } = await readPointer(ports, collection);
    const { manifest } = await loadManifest(ports, pointer.manifest);
    const { version, records, committedAt } = pointer;
    return {
      ...{ collection, problem: null, version, records, bytes: liveBytes(manifest.files) },
      waiting: await readWaiting(ports, collection, manifest),
      rejected: await countReports(ports, collection),
      committedAt,
      lastError: failed === undefined ? null : errorOf(failed, committedAt),
    };
  } catch (error) {
    // All else, such as a store that does not answer, says nothing of the collection.
    if (!(error instanceof CorruptObjectError || error instanceof PointerMissingError)) throw error;
    return {
      ...{ collection, problem: error.message, version: null, records: null, bytes: null },
      ...{ waiting: null, rejected: null, committedAt: null },
      lastError: failed === undefined ? null : errorOf(failed, null),
    };
  }
}

async function countReports({ store }: Ports, collection: string): Promise<number> {
  let count = 0;
  for await (const page of store.list(rejectionsPrefix(collection))) {
    count += page.filter(({ key }) => parseRejectionKey(key) !== undefined).length;
  }
  return count;
}

const HEADING = [
  'collection',
  'version',
  'records',
  'size',
  'waiting',
  'oldest',
  'rejected',
  'committed',
  'last error',
];

function toRow(summary: CollectionSummary): Array<string | number> {
  const { collection, version, records, waiting, rejected, committedAt, lastError } = summary;
  return [
    collection,
    version ?? '-',
    records ?? '-',
    summary.bytes === null ? '-' : bytes(summary.bytes),
    waiting?.deltas ?? '-',
    waiting?.oldest ? age(waiting.oldest.ageSeconds) : '-',
    rejected ?? '-',
    committedAt ?? '-',
    lastError === null || lastError.over ? '-' : lastError.error,
  ];
}

/** Sentences are too long for a table. */
function troubles({ collection, problem, lastError }: CollectionSummary): string[] {
  return [
    ...(problem === null ? [] : [`"${collection}" is damaged: ${problem}`]),
    ...(lastError === null || lastError.over ? [] : [`"${collection}" failed last with ${errorInWords(lastError)}`]),
  ];
}
