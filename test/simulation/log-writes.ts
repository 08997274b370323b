/** Writes that simulated clients send through endpoints, and what is in a delta of them: few records, so that order shows. */
import { zstdDecompressSync } from 'node:zlib';
import type { LoggedRequest, RequestOp } from '../../lambdas/snapshot/request-delta.ts';
import { DIMENSION } from '../support/memory-ports.ts';
import { sha256Of } from './independent/formats.ts';
import type { Random } from './random.ts';
import type { Content } from './truth.ts';

const OPS: readonly RequestOp[] = ['add', 'add', 'upsert', 'upsert', 'update', 'update', 'delete'];
const IDS = ['log-0', 'log-1', 'log-2', 'shared'];
const FIRST_LINE = '{"requests":1,';

/** @param n Told apart from all other writes of its world by it: it stands in what is written. */
export function makeWrite(random: Random, n: number): LoggedRequest {
  const op = random.pick(OPS);
  const ids = [random.pick(IDS), `log-by-${n}`];
  // What names the write: of a delete, too, it is the second id.
  if (op === 'delete') return { op, body: JSON.stringify({ ids }) };
  const embeddings = ids.map(() => new Array(DIMENSION).fill(n));
  const metadatas = ids.map(() => `{"by":${n},"by-${n}":true,"exact":5.0}`);
  return {
    op,
    body: `{"ids":${JSON.stringify(ids)},"embeddings":${JSON.stringify(embeddings)},"metadatas":[${metadatas}]}`,
  };
}

const ZSTD = Buffer.from('28b52ffd', 'hex');

/** Which write a line is of. */
export function writeIn(body: string): number {
  return Number(/"log-by-(\d+)"/.exec(body)?.[1]);
}

/** A delta of an endpoint as the oracle reads it; `undefined`: it is another's. */
export function endpointContent(body: Uint8Array): Content | undefined {
  // Several writes together are large enough to be compressed.
  const isZstd = Buffer.from(body.subarray(0, 4)).equals(ZSTD);
  const text = Buffer.from(isZstd ? zstdDecompressSync(body) : body).toString('utf8');
  if (!text.startsWith(FIRST_LINE)) return undefined;
  const lines = text.split('\n').slice(1).filter(Boolean);
  const operations = lines.flatMap(operationsOf);
  const writes = lines.map(writeIn);
  return { sha256: sha256Of(body), body, operations, invalid: [], isHeavy: false, writes };
}

function operationsOf(line: string): Content['operations'] {
  const { op, body } = JSON.parse(line) as { op: RequestOp; body: { ids: string[]; embeddings?: number[][] } };
  return body.ids.map((id, n) => {
    if (op === 'delete') return { op, id };
    const by = writeIn(line);
    const metadata = { by, [`by-${by}`]: true, exact: literal };
    return { op, id, embedding: body.embeddings?.[n] ?? [], metadata } as unknown as Content['operations'][number];
  });
}

/** As it is written. */
const literal = (JSON as unknown as { rawJSON(text: string): object }).rawJSON('5.0');
