/** Deltas of simulated producers: each writes a record of its own and one that all write, so that a lost, doubled or misordered one shows. */

import { sha256 } from '../../lambdas/snapshot/blocks.ts';
import { encodeDelta, type Operation } from '../../lambdas/snapshot/delta.ts';
import { DIMENSION } from '../support/memory-ports.ts';
import type { Profile } from './profile.ts';
import type { Random } from './random.ts';
import type { Content } from './truth.ts';

/** Records whose metadata say so are refused by the engine. */
export const POISON = 'poison';
const BAD_LINE = '{"op":"paint","id":"x"}\n';

/** @param n Told apart from all other contents of its world by it. */
export function makeContent(random: Random, profile: Profile, n: number): Content {
  const embedding = new Array<number>(DIMENSION).fill(n);
  const operations: Operation[] = [
    { op: 'upsert', id: `own-${n}`, embedding, metadata: { by: n } },
    { op: 'upsert', id: 'shared', embedding, metadata: { by: n, [`by-${n}`]: true } },
  ];
  if (random.chance(0.4)) operations.push({ op: 'update', id: `base-${random.int(0, 13)}`, metadata: { by: n } });
  if (random.chance(0.3)) operations.push({ op: 'delete', id: `base-${random.int(0, 13)}` });
  if (random.chance(0.3)) operations.push({ op: 'delete', id: `own-${random.int(1, 6)}` });
  if (random.chance(0.3)) operations.push({ op: 'update', id: `nobody-${n}`, metadata: { by: n } });
  const isPoison = random.chance(profile.poison);
  if (isPoison) operations.push({ op: 'upsert', id: `poison-${n}`, embedding, metadata: { [POISON]: true } });
  const invalid = random.chance(0.15) ? 1 : 0;
  const body = Buffer.concat([encodeDelta(operations), Buffer.from(invalid === 1 ? BAD_LINE : '')]);
  return { sha256: sha256(body), body, operations, invalid, isPoison };
}
