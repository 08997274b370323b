/** Deltas of simulated producers: each writes a record of its own and one that all write, so that a lost, doubled or misordered one shows. */
import type { Operation, Upsert } from '../../lambdas/snapshot/operation.ts';
import { DIMENSION } from '../support/memory-ports.ts';
import { literal } from './independent/files.ts';
import { sha256Of } from './independent/formats.ts';
import type { Profile } from './profile.ts';
import type { Random } from './random.ts';
import type { Content } from './truth.ts';

/** Records whose metadata say so are refused by the engine. */
export const POISON = 'poison';
/** At records whose metadata say so the engine gives no answer, and blames nobody. */
export const HEAVY = 'heavy';
/** Every record that a delta may make, or that a world begins with. */
const IDS = [
  ...Array.from({ length: 14 }, (_, n) => `base-${n}`),
  ...[0, 100, 200].flatMap((more) => Array.from({ length: 6 }, (_, n) => `own-${more + n + 1}`)),
  'shared',
];
/** Numbers that are others once they have been plain ones. */
const LITERALS = ['5.0', '9007199254740993', '-9223372036854775808', '0.1', '-0.0'];
const BAD_LINE = '{"op":"paint","id":"x"}\n';

/** @param n Told apart from all other contents of its world by it. */
export function makeContent(random: Random, profile: Profile, n: number): Content {
  const embedding = new Array<number>(DIMENSION).fill(n);
  if (random.chance(profile.wipe)) return wipe(n);
  const operations: Operation[] = [
    { op: 'upsert', id: `own-${n}`, embedding, metadata: { by: n, edition: 'A', exact: exact(n) } },
    { op: 'upsert', id: 'shared', embedding, metadata: { by: n, [`by-${n}`]: true } },
  ];
  if (random.chance(0.4)) operations.push({ op: 'update', id: `base-${random.int(0, 13)}`, metadata: { by: n } });
  if (random.chance(0.3)) operations.push({ op: 'delete', id: `base-${random.int(0, 13)}` });
  if (random.chance(0.3)) operations.push({ op: 'delete', id: `own-${random.int(1, 6)}` });
  if (random.chance(0.3)) operations.push({ op: 'update', id: `nobody-${n}`, metadata: { by: n } });
  const isHeavy = random.chance(profile.heavy);
  if (isHeavy) operations.push({ op: 'upsert', id: `heavy-${n}`, embedding, metadata: { [HEAVY]: true } });
  const poison: Operation = { op: 'upsert', id: `poison-${n}`, embedding, metadata: { [POISON]: true } };
  const refused = random.chance(profile.poison) ? [lineOf(poison)] : [];
  const bad = random.chance(0.15) ? [BAD_LINE] : [];
  return contentOf(operations, [...refused, ...bad], isHeavy);
}

/** Written as it is by `JSON.stringify`, and never a number here. */
function exact(n: number): number {
  return literal(LITERALS[n % LITERALS.length] ?? '0') as unknown as number;
}

/** Other content, to the byte as long. */
export function twinOf({ operations: [own, ...others], invalid, isHeavy }: Content): Content {
  const twin = { ...own, metadata: { ...(own as Upsert).metadata, edition: 'B' } } as Upsert;
  return contentOf([twin, ...others], invalid, isHeavy);
}

function contentOf(operations: readonly Operation[], invalid: readonly string[], isHeavy: boolean): Content {
  const body = Buffer.from([...operations.map(lineOf), ...invalid].join(''));
  return { sha256: sha256Of(body), body, operations, invalid, isHeavy };
}

function lineOf(operation: Operation): string {
  return `${JSON.stringify(operation)}\n`;
}

/** Nothing is left, unless it is sent once more. */
function wipe(n: number): Content {
  const operations = [...IDS, `nobody-${n}`].map((id): Operation => ({ op: 'delete', id }));
  return contentOf(operations, [], false);
}
