/** What happens in a round, drawn from a seed: who writes what through which endpoint, and who dies when. */
import { Random } from '../../simulation/random.ts';

export const CLIENTS = 3;
export const ENDPOINTS = 2;
export const WORKERS = 2;
const WRITES = 16;
const KILLS = 5;
const IDS = 8;
/** About as long as a write takes. */
const LONGEST_DELAY_MS = 60;

export interface Write {
  op: 'add' | 'upsert' | 'update' | 'delete';
  body: string;
  ids: readonly string[];
  /** Which endpoint is asked to write first, and which to read it back. */
  writer: number;
  reader: number;
  /** Does its acknowledgement start a compaction? */
  starts: boolean;
}

export interface Kill {
  /** After so many writes of the round were sent, and then this many milliseconds. */
  afterWrites: number;
  delayMs: number;
  victims: ReadonlyArray<{ kind: 'endpoint' | 'compactor'; which: number }>;
}

export interface Plan {
  /** By client: each sends its own, one after the other, on ids of its own. */
  writes: ReadonlyArray<readonly Write[]>;
  kills: readonly Kill[];
}

export function planRound(seed: number, round: number): Plan {
  const random = new Random(seed * 10_007 + round);
  const writes = Array.from({ length: CLIENTS }, (_, client) =>
    Array.from({ length: WRITES }, (_, n) => write(random, client, n)),
  );
  const kills = Array.from({ length: KILLS }, (): Kill => {
    const victim = () => {
      const kind = random.chance(0.6) ? ('endpoint' as const) : ('compactor' as const);
      return { kind, which: random.int(0, (kind === 'endpoint' ? ENDPOINTS : WORKERS) - 1) };
    };
    const everybody = [
      ...Array.from({ length: ENDPOINTS }, (_, which) => ({ kind: 'endpoint' as const, which })),
      ...Array.from({ length: WORKERS }, (_, which) => ({ kind: 'compactor' as const, which })),
    ];
    return {
      afterWrites: random.int(1, CLIENTS * WRITES - 1),
      delayMs: random.chance(0.3) ? 0 : random.int(1, LONGEST_DELAY_MS),
      // Now and then the power fails.
      victims: random.chance(0.15) ? everybody : [victim()],
    };
  });
  return { writes, kills: kills.toSorted((a, b) => a.afterWrites - b.afterWrites) };
}

/** Numbers that a float32 holds exactly, and none twice: what is read back must be what was sent, in one order. */
function write(random: Random, client: number, n: number): Write {
  const kind = n === 0 ? 0 : random.next();
  const op = kind < 0.4 ? 'add' : kind < 0.65 ? 'upsert' : kind < 0.8 ? 'update' : 'delete';
  const all = Array.from({ length: IDS }, (_, id) => `client${client}-${id}`);
  const ids = all.filter(() => random.chance(0.35));
  if (ids.length === 0) ids.push(random.pick(all));
  const place = (at: number) => [client * 1_000 + n * 10 + at, random.int(-512, 512) / 4, n + client / 4];
  const metadata = () => `{"n":${n},"f":${n}.0,"large":9007199254740993,"k${random.int(0, 2)}":"v${random.int(0, 9)}"}`;
  const embeddings = JSON.stringify(ids.map((_, at) => place(at)));
  const texts = JSON.stringify(ids.map(() => (random.chance(0.5) ? `text ${client} ${n}` : null)));
  const metadatas = `[${ids.map(metadata).join(',')}]`;
  const body =
    op === 'delete'
      ? JSON.stringify({ ids })
      : `{"ids":${JSON.stringify(ids)},"embeddings":${embeddings},"documents":${texts},"metadatas":${metadatas}}`;
  const starts = random.chance(0.3);
  return { op, body, ids, writer: random.int(0, ENDPOINTS - 1), reader: random.int(0, ENDPOINTS - 1), starts };
}
