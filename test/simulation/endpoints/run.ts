/** Endpoints and their clients, for a while. */
import type { World } from '../world.ts';
import { Client, type Errand } from './client.ts';
import { Host } from './host.ts';

/** Names that nothing has when a world begins. */
const FREE = ['pets', 'toys'];

export async function runEndpoints(world: World): Promise<void> {
  const { random, profile } = world;
  const { endpoints, logWrites, nameDeeds, collections } = profile;
  if (endpoints === 0) return;
  const stored = random.pick(collections);
  const pool = nameDeeds > 0 ? [stored, ...FREE] : [random.chance(0.7) ? stored : 'pets'];
  const hosts = Array.from({ length: endpoints }, (_, e) => new Host(world, `endpoint-${e}`));
  const clients = hosts.flatMap((host, e) => {
    const others = hosts.filter((other) => other !== host);
    return Array.from({ length: random.int(1, 3) }, (_, c) => ({
      client: new Client(world, `client-${e}.${c}`, [host, ...others], pool),
      errands: [] as Errand[],
    }));
  });
  for (let n = 1; n <= logWrites; n++) random.pick(clients).errands.push({ what: 'write', n });
  for (let n = 1; n <= nameDeeds; n++) {
    const { errands } = random.pick(clients);
    errands.splice(random.int(0, errands.length), 0, { what: 'deed', n });
  }
  await Promise.all(clients.map(({ client, errands }) => client.run(errands)));
  await Promise.all(hosts.map((host) => host.close()));
}
