import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import type { Command } from 'commander';
import { ulid } from 'ulid';
import { putDelta } from '../../lambdas/producer/put-delta.ts';
import { parseDelta } from '../../lambdas/snapshot/delta.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { withCollection } from '../command.ts';
import { CommandFailure, count, EXIT } from '../output.ts';

interface Options {
  deltaId?: string;
  force?: boolean;
}

/** `compactor submit`: one delta into the inbox. */
export function submit(program: Command): void {
  const command = program
    .command('submit <collection> [file]')
    .description('submit a delta: JSON Lines from a file, or from stdin')
    .option('--delta-id <id>', 'idempotency key: the same id with the same content counts once')
    .option('--force', 'submit even if lines are invalid; they will be rejected one by one')
    .addHelpText(
      'after',
      `
A line is one operation:
  {"op":"upsert","id":"cat","embedding":[1,0,0],"metadata":{"legs":4},"document":"a feline"}
  {"op":"update","id":"cat","metadata":{"legs":3}}
  {"op":"delete","id":"cat"}

Example:
  compactor submit pets changes.jsonl --delta-id import-2026-11-23`,
    );
  withCollection<[string, string | undefined, Options]>(
    command,
    async ({ target, output }, collection, file, options) => {
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
      const { sha256 } = await putDelta(target.ports, { collection, deltaId, body });
      const counts = { operations: operations.length, rejectedOperations };
      const text = `Delta ${deltaId}: ${count(operations.length, 'operation')} ${operations.length === 1 ? 'waits' : 'wait'} in "${collection}".`;
      output.result({ collection, deltaId, sha256, ...counts }, text);
    },
  );
}

async function readInput(file: string | undefined): Promise<Uint8Array> {
  if (file === undefined || file === '-') return buffer(process.stdin);
  try {
    return await readFile(file);
  } catch (error) {
    throw new CommandFailure(`"${file}" cannot be read: ${(error as Error).message}.`, EXIT.badInput);
  }
}
