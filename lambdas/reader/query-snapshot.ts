/** Query: nearest neighbours from a reader that lives as long as its container and follows the commits. */
import { z } from 'zod';
import { describeIssues } from '../errors/describe-issues.ts';
import { InvalidInputError } from '../errors/errors.ts';
import type { Ports } from '../ports.ts';
import { filterMembers } from '../protocol/record-filter.ts';
import { writable } from '../snapshot/exact-json.ts';
import { checkCollection } from '../snapshot/keys.ts';
import { type Neighbour, SnapshotReader } from './snapshot-reader.ts';

const request = z.strictObject({
  collection: z.string(),
  embedding: z.array(z.number()).min(1),
  limit: z.number().int().min(1).max(1_000).default(10),
  ...filterMembers,
  /** Look for a newer version first, if the last look is longer ago. */
  maxStalenessSeconds: z.number().min(0).default(10),
});

export type QueryRequest = z.input<typeof request>;

export interface QueryAnswer {
  collection: string;
  /** That answered, alone. */
  version: number;
  neighbours: Neighbour[];
}

interface Followed {
  reader: SnapshotReader;
  lookedAt: number;
}

/** A step with a memory: one collection at a time, whose reader is kept between calls. */
export function makeQuery(): (ports: Ports, event: QueryRequest) => Promise<QueryAnswer> {
  let opened: { collection: string; followed: Promise<Followed> } | undefined;
  return async (ports, event) => {
    const parsed = request.safeParse(event);
    if (!parsed.success) throw new InvalidInputError(`This is no query: ${describeIssues(parsed.error, event)}`);
    const { embedding, limit, maxStalenessSeconds, where, whereDocument, include } = parsed.data;
    const filter = {
      ...(where && { where }),
      ...(whereDocument && { whereDocument }),
      ...(include && { include }),
    };
    const collection = checkCollection(parsed.data.collection);
    if (opened?.collection !== collection) {
      const last = opened;
      opened = { collection, followed: open(ports, collection) };
      const mine = opened;
      mine.followed.catch(() => {
        if (opened === mine) opened = undefined;
      });
      await last?.followed.then(({ reader }) => reader.close()).catch(() => {});
    }
    const followed = await opened.followed;
    const now = ports.clock.now();
    if (now - followed.lookedAt > maxStalenessSeconds * 1_000) {
      await followed.reader.refresh();
      followed.lookedAt = now;
    }
    return { collection, ...(await followed.reader.query(embedding, limit, filter)) };
  };
}

/** The same for callers that write the answer as JSON: Lambda's runtime does, and would fail at a bigint. */
export function makeJsonQuery(): (ports: Ports, event: QueryRequest) => Promise<QueryAnswer> {
  const query = makeQuery();
  return async (ports, event) => writable(await query(ports, event)) as QueryAnswer;
}

async function open(ports: Ports, collection: string): Promise<Followed> {
  const lookedAt = ports.clock.now();
  return { reader: await SnapshotReader.open(ports, collection), lookedAt };
}
