/** One process of the comparison: a client, a compactor or an endpoint. It goes with the bench. */
import { setTimeout as sleep } from 'node:timers/promises';
import { seeded } from '../fixture/random.ts';
import { openClient } from './clients.ts';
import type { Answer, Load, Request } from './messages.ts';
import { now } from './now.ts';
import { startOwnEndpoint } from './our-processes.ts';
import type { Client } from './peer.ts';

let client: Client | undefined;
let probes = () => 0;
const endings: Array<() => Promise<void>> = [];

async function answer(request: Request): Promise<Answer> {
  switch (request.kind) {
    case 'client':
      client = await openClient(request.peer, request.address, request.nth);
      endings.push(client.close);
      return {};
    case 'load':
      return runLoad(opened(), request.load);
    case 'write':
      await acknowledged(opened(), request.n);
      return {};
    case 'settle':
      await opened().settled?.();
      return {};
    case 'compactor': {
      const { startCompactor } = await import('./compactor-process.ts');
      endings.push(await startCompactor(request.world));
      return {};
    }
    case 'endpoint': {
      const endpoint = await startOwnEndpoint(request.world);
      endings.push(endpoint.close);
      probes = endpoint.probes;
      return { url: endpoint.url };
    }
    case 'probes':
      return { probes: probes() };
    case 'end':
      for (const end of endings) await end();
      return {};
  }
}

function opened(): Client {
  if (client === undefined) throw new Error('No client is open.');
  return client;
}

async function acknowledged(to: Client, n: number): Promise<void> {
  const started = now();
  await to.write(n);
  const at = now();
  process.send?.({ ack: { n, ms: at - started, at } });
}

async function runLoad(to: Client, { mode, durationMs, pauseMs, outstanding, first, step }: Load): Promise<Answer> {
  const random = seeded(first + 1);
  const end = now() + durationMs;
  let next = first;
  const found: { failed: number; reason?: string } = { failed: 0 };
  const lane = async () => {
    while (now() < end) {
      const n = next;
      next += step;
      await acknowledged(to, n).catch((error: Error) => {
        found.failed++;
        found.reason ??= error.message.slice(0, 200);
      });
      if (mode === 'paced') await sleep(pauseMs * (0.5 + random()));
    }
  };
  await Promise.all(Array.from({ length: mode === 'open' ? outstanding : 1 }, lane));
  return found;
}

process.once('disconnect', () => process.exit(0));
process.on('message', ({ from, ...request }: Request & { from: number }) => {
  answer(request as Request).then(
    (found) => process.send?.({ to: from, ...found }),
    (error: Error) => process.send?.({ to: from, error: error.stack ?? error.message }),
  );
});
