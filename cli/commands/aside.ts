import { writeFile } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import {
  type AsideDelta,
  discardAside,
  findAside,
  listAside,
  readAside,
  retryAside,
} from '../../lambdas/producer/aside.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { withCollection } from '../command.ts';
import { bytes, columns, count } from '../output.ts';
import type { Target } from '../target.ts';

interface Options {
  retry?: boolean;
  save?: string;
  discard?: boolean;
}

/** `compactor aside`: list, read, resubmit and discard deltas that were set aside. */
export function aside(program: Command): void {
  const command = program
    .command('aside <collection> [deltaId]')
    .description('deltas that were set aside because their merges fail: list them, or do something with one')
    .addOption(new Option('--retry', 'send it once more, under a new id').conflicts(['save', 'discard']))
    .addOption(new Option('--save <file>', 'write its content to a file').conflicts(['discard']))
    .addOption(new Option('--discard', 'give it up for good'))
    .addHelpText(
      'after',
      `
A delta is set aside when three merges of nothing else failed for a reason that is not what it says, and the engine
worked without it. Those behind it went on; its producer was told that it is rejected. Find out why (compactor explain),
give merges more memory or time, then retry: it is applied after what was applied meanwhile.

Example:
  compactor aside pets
  compactor aside pets nightly --save nightly.jsonl
  compactor aside pets nightly --retry`,
    );
  withCollection<[string, string | undefined, Options]>(
    command,
    async ({ target, output }, collection, deltaId, options) => {
      const { ports } = target;
      await readPointer(ports, collection);
      const isDeed = options.retry === true || options.discard === true || options.save !== undefined;
      if (isDeed && deltaId === undefined)
        throw new InvalidInputError('Say which delta: compactor aside <collection> <deltaId>.');
      if (isDeed && deltaId !== undefined) {
        const { result, text } = await act(target, collection, await findAside(ports, collection, deltaId), options);
        return output.result(result, text);
      }
      const found = await listAside(ports, collection, deltaId);
      const deltas = found.map(({ etag: _etag, keptAt, ...delta }) => ({
        ...delta,
        keptAt: new Date(keptAt).toISOString(),
      }));
      const rows = deltas.map((delta) => [delta.deltaId, bytes(delta.size), delta.keptAt]);
      const text =
        rows.length === 0
          ? `No delta of "${collection}" is set aside.`
          : columns([['delta', 'size', 'kept since'], ...rows]);
      output.result({ collection, deltas }, text);
    },
    { changes: (_target, _collection, _deltaId, { retry, discard }) => retry === true || discard === true },
  );
}

async function act({ ports }: Target, collection: string, found: AsideDelta, { retry, save }: Options) {
  const { deltaId, sha256, size } = found;
  if (save !== undefined) {
    await writeFile(save, await readAside(ports, found));
    return {
      result: { collection, deltaId, sha256, file: save },
      text: `Delta ${deltaId}: ${bytes(size)} are in ${save}.`,
    };
  }
  if (retry === true) {
    const sent = await retryAside(ports, collection, found);
    const text = `Delta ${deltaId} waits again, as ${sent.deltaId}. Now: compactor start ${collection}.`;
    return { result: { collection, deltaId, sha256, retriedAs: sent.deltaId }, text };
  }
  await discardAside(ports, found);
  return {
    result: { collection, deltaId, sha256, discarded: true },
    text: `Delta ${deltaId} is given up: ${count(size, 'byte')}.`,
  };
}
