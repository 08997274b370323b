import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import { ulid } from 'ulid';
import { InvalidInputError, KeyCollisionError } from '../../lambdas/errors/errors.ts';
import { type Submission, type SubmitOutcome, submitOnce } from '../../lambdas/producer/put-delta.ts';
import { sha256 as digest } from '../../lambdas/snapshot/blocks.ts';
import { parseDelta } from '../../lambdas/snapshot/delta.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { withCollection } from '../command.ts';
import { CommandFailure, count, EXIT } from '../output.ts';
import { describeDecision, waitForDelta } from '../wait-for-delta.ts';

interface Options {
  deltaId?: string;
  force?: boolean;
  wait?: boolean;
  timeout: number;
}

/** The outcome of a submission according to inbox and table. */
type Outcome = Omit<SubmitOutcome, 'outcome'> & { outcome: SubmitOutcome['outcome'] | 'conflict'; reason?: string };

/** `compactor submit`: one delta into the inbox. */
export function submit(program: Command): void {
  const command = program
    .command('submit <collection> [file]')
    .description('submit a delta: JSON Lines from a file, or from stdin (exit 3 if its id stands for other content)')
    .option('--delta-id <id>', 'idempotency key: the same id with the same content counts once')
    .option('--wait', 'wait until it is applied (exit 0) or rejected (exit 3)')
    .option('--timeout <seconds>', 'with --wait, give up after so long (exit 4)', Number, 300)
    .option('--force', 'submit even if lines are invalid; they will be rejected one by one')
    .addHelpText(
      'after',
      `
A line is one operation:
  {"op":"upsert","id":"cat","embedding":[1,0,0],"metadata":{"legs":4},"document":"a feline"}
  {"op":"update","id":"cat","metadata":{"legs":3}}
  {"op":"delete","id":"cat"}

The outcome is "new", "duplicate" (the same content was submitted under this id before: nothing is sent, and that is
no error) or "conflict" (other content was: nothing is sent, and the exit code is 3). A duplicate of what was rejected
ends with 3 as well.

Example:
  compactor submit pets changes.jsonl --delta-id import-2026-11-23
  compactor submit pets changes.jsonl --delta-id import-2026-11-23 --wait`,
    );
  withCollection<[string, string | undefined, Options]>(
    command,
    async ({ target, output }, collection, file, options) => {
      if (!(options.timeout >= 0)) throw new InvalidInputError('--timeout must be a number of seconds from 0 on.');
      const body = await readInput(file);
      const { pointer } = await readPointer(target.ports, collection);
      const { manifest } = await loadManifest(target.ports, pointer.manifest);
      const { operations, rejections, rejectedOperations } = parseDelta(body, manifest.dimension);
      if (rejectedOperations > 0 && options.force !== true) {
        const list = rejections.map(({ line, error, reason }) => `  line ${line}: ${error}: ${reason}`).join('\n');
        throw new CommandFailure(
          `${rejectedOperations} of the operations would be rejected:\n${list}\nNothing was submitted. Correct them, or submit the rest with --force.`,
          EXIT.badInput,
        );
      }
      const deltaId = options.deltaId ?? ulid();
      const submitted = await place(target.ports, { collection, deltaId, body });
      const counts = { operations: operations.length, rejectedOperations };
      const text = describe(collection, submitted, operations.length);
      const { status } = submitted;
      process.exitCode = submitted.outcome === 'conflict' || status?.outcome === 'rejected' ? EXIT.refused : EXIT.ok;
      if (options.wait !== true || submitted.outcome === 'conflict' || status !== null) {
        output.result({ collection, ...submitted, ...counts }, text);
        return;
      }
      const { sha256 } = submitted;
      if (!output.json) process.stderr.write(`${text}\n`);
      const decided = await waitForDelta({ target, output }, { collection, deltaId, sha256, timeout: options.timeout });
      output.result(
        { collection, ...submitted, ...counts, status: decided },
        describeDecision({ collection, deltaId }, decided),
      );
      if (decided.outcome === 'rejected') process.exitCode = EXIT.refused;
    },
    { changes: true },
  );
}

/** A conflict is an outcome that scripts check for, so it is returned rather than thrown. */
async function place(ports: Parameters<typeof submitOnce>[0], submission: Submission): Promise<Outcome> {
  try {
    return await submitOnce(ports, submission);
  } catch (error) {
    if (!(error instanceof KeyCollisionError)) throw error;
    const { deltaId, body } = submission;
    return { deltaId, sha256: digest(body), outcome: 'conflict', status: null, reason: error.message };
  }
}

function describe(collection: string, { deltaId, outcome, status, reason }: Outcome, operations: number): string {
  if (outcome === 'conflict') return `Conflict: ${reason}`;
  if (outcome === 'new') {
    return `Delta ${deltaId}: ${count(operations, 'operation')} ${operations === 1 ? 'waits' : 'wait'} in "${collection}".`;
  }
  const before = `Delta ${deltaId} was submitted before, with the same content: nothing was sent.`;
  if (status === null) return `${before} It is still waiting in "${collection}".`;
  return `${before} ${describeDecision({ collection, deltaId }, status)}`;
}

async function readInput(file: string | undefined): Promise<Uint8Array> {
  if (file === undefined || file === '-') return buffer(process.stdin);
  try {
    return await readFile(file);
  } catch (error) {
    throw new CommandFailure(`"${file}" cannot be read: ${(error as Error).message}.`, EXIT.badInput);
  }
}
