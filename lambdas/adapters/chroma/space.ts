/**
 * The distance by which a collection really ranks. A collection made before Chroma 1.0 has it in its metadata only:
 * newer servers use that, and yet report `l2` in the configuration. So it is measured: queries with vectors of known
 * length, whose distances are compared with what each space would give.
 */
import type { Collection } from 'chromadb';
import { SPACES, type Space } from '../../ports.ts';

/** A measured distance, and the two vectors that it lies between. */
export interface Measurement {
  query: readonly number[];
  neighbour: readonly number[];
  distance: number;
}

/** Records whose directions are queried, and neighbours that are compared for each. */
const SAMPLES = 4;
const NEIGHBOURS = 8;
/**
 * Lengths of the query vectors. With a neighbour of length t in the same direction the three spaces give (n - t)^2, 0
 * and 1 - nt: no t makes two of them equal for both lengths.
 */
const LENGTHS = [1, 3] as const;
/**
 * Tolerance for sums of float32, relative to what is summed: far above their error, and far below the differences
 * between spaces.
 */
const TOLERANCE = 1e-3;

/** Spaces whose formula gives all of these distances. */
export function fittingSpaces(measurements: readonly Measurement[]): Space[] {
  return SPACES.filter((space) => measurements.every((measured) => fits(space, measured)));
}

/**
 * As in hnswlib: l2 is squared, and the other two are 1 minus similarity, which is 0 for a vector without direction.
 */
function fits(space: Space, { query, neighbour, distance }: Measurement): boolean {
  const [dot, a, b] = [product(query, neighbour), product(query, query), product(neighbour, neighbour)];
  const lengths = Math.sqrt(a * b);
  const [expected, scale] = {
    l2: [a + b - 2 * dot, a + b],
    cosine: [1 - (lengths === 0 ? 0 : dot / lengths), 1],
    ip: [1 - dot, 1 + lengths],
  }[space] as [number, number];
  return Math.abs(distance - expected) <= TOLERANCE * scale;
}

function product(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, n) => sum + value * (b[n] ?? 0), 0);
}

/**
 * What the files say, for the case that distances fit several spaces, as those of zero vectors do, or that there are no
 * records. A configuration other than `l2`, which also stands for "none", was set deliberately.
 */
export function declaredSpace({
  configuration,
  metadata,
}: Pick<Collection, 'configuration' | 'metadata'>): Space | undefined {
  const configured = configuration.hnsw?.space;
  const said = [configured === 'l2' ? undefined : configured, metadata?.['hnsw:space'], configured];
  return SPACES.find((space) => space === said.find((one) => SPACES.includes(one as Space)));
}

/**
 * Queries the server, which loads the index for that.
 * @returns `undefined`: it ranks by none of the spaces, or not by the vectors that it gives back
 */
export async function measureSpace(collection: Collection): Promise<Space | undefined> {
  const { embeddings } = await collection.get({ limit: SAMPLES, include: ['embeddings'] });
  const measurements: Measurement[] = [];
  for (const embedding of embeddings) {
    if (!embedding) continue;
    const queries = LENGTHS.map((length) => ofLength(length, embedding));
    const { embeddings: found, distances } = await collection.query({
      queryEmbeddings: queries,
      nResults: NEIGHBOURS,
      include: ['embeddings', 'distances'],
    });
    for (const [n, query] of queries.entries()) {
      for (const [rank, distance] of (distances[n] ?? []).entries()) {
        const neighbour = found[n]?.[rank];
        if (neighbour) measurements.push({ query, neighbour, distance: distance ?? Number.NaN });
      }
    }
  }
  const fitting = fittingSpaces(measurements);
  const declared = declaredSpace(collection);
  return fitting.find((space) => space === declared) ?? fitting[0];
}

/** In the direction of the given vector; along the first axis if that is zero. */
function ofLength(length: number, vector: readonly number[]): number[] {
  const size = Math.sqrt(product(vector, vector));
  if (size === 0) return vector.map((_, n) => (n === 0 ? length : 0));
  return vector.map((value) => (value / size) * length);
}
