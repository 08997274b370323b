import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import { type CommittedEvent, readEvents } from '../../local/events.ts';
import { withCollection } from '../command.ts';
import { CommandFailure, columns, EXIT } from '../output.ts';

interface Options {
  limit: number;
  follow?: boolean;
}

const POLL_MS = 250;

/** `compactor events`: what the local stack announced; in AWS, EventBridge has them. */
export function events(program: Command): void {
  const command = program
    .command('events [collection]')
    .description('list the commits that the local stack has announced, oldest first')
    .option('-n, --limit <count>', 'how many of the latest to list', Number, 20)
    .option('-f, --follow', 'keep printing new events, one JSON document per line, until Ctrl-C')
    .addHelpText(
      'after',
      '\nOn AWS, events go to an EventBridge bus: see docs/events.md for a rule that receives them.\n\n' +
        'Example:\n  compactor events pets --limit 5\n  compactor events pets --follow',
    );
  withCollection<[string | undefined, Options]>(
    command,
    async ({ target, output }, collection, { limit, follow }) => {
      if (target.kind === 'aws') {
        throw new CommandFailure(
          'Events of a deployed stack are on its EventBridge bus, not here. Add a rule: see docs/events.md.',
          EXIT.badInput,
        );
      }
      const { data } = command.optsWithGlobals<{ data: string }>();
      const isWanted = ({ detail }: CommittedEvent) => collection === undefined || detail.collection === collection;
      const { events: all, next } = await readEvents(data);
      const last = all.filter(isWanted).slice(-Math.max(0, limit));
      if (follow !== true) {
        const rows = last.map(({ time, detail }) => [time, detail.collection, detail.version, detail.deltas.length]);
        output.result(last, columns([['time', 'collection', 'version', 'deltas'], ...rows]));
        return;
      }
      const print = (event: CommittedEvent) => process.stdout.write(`${JSON.stringify(event)}\n`);
      last.forEach(print);
      for (let from = next; ; await sleep(POLL_MS)) {
        const read = await readEvents(data, from);
        read.events.filter(isWanted).forEach(print);
        from = read.next;
      }
    },
    { runsOn: true },
  );
}
