/**
 * The local stack's event bus: a file of events in EventBridge's own envelope, one JSON line each, which rules would get
 * in AWS. `compactor events` and the console read it.
 */
import { randomUUID } from 'node:crypto';
import { appendFile, open, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Announcer, Refusal } from '../lambdas/ports.ts';
import {
  COMPACTION_COMMITTED,
  type CompactionCommitted,
  compactionCommitted,
  EVENT_SOURCE,
} from '../lambdas/protocol/announcement.ts';
import { ACCOUNT, REGION } from './sfn/names.ts';

const EVENTS_FILE = 'events.jsonl';
/** Only the end of a long file is read. */
const MAX_READ_BYTES = 16 * 1024 * 1024;

/** An event as a rule's target gets it. */
const envelope = z.object({
  version: z.literal('0'),
  id: z.string(),
  'detail-type': z.literal(COMPACTION_COMMITTED),
  source: z.literal(EVENT_SOURCE),
  account: z.string(),
  time: z.string(),
  region: z.string(),
  resources: z.array(z.string()),
  detail: compactionCommitted,
});
export type CommittedEvent = z.infer<typeof envelope>;

export class FileAnnouncer implements Announcer {
  readonly #path: string;

  constructor(dataDirectory: string) {
    this.#path = join(dataDirectory, EVENTS_FILE);
  }

  async announce(announcements: readonly CompactionCommitted[]): Promise<Refusal[]> {
    const events = announcements.map(
      (detail): CommittedEvent => ({
        version: '0',
        id: randomUUID(),
        'detail-type': COMPACTION_COMMITTED,
        source: EVENT_SOURCE,
        account: ACCOUNT,
        time: new Date().toISOString(),
        region: REGION,
        resources: [],
        detail,
      }),
    );
    await appendFile(this.#path, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    return [];
  }
}

/** Events in the order of publication, from a position in the file on; `next` is where to go on. */
export async function readEvents(
  dataDirectory: string,
  from?: number,
): Promise<{ events: CommittedEvent[]; next: number }> {
  const path = join(dataDirectory, EVENTS_FILE);
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  const start = from ?? Math.max(0, size - MAX_READ_BYTES);
  if (size <= start) return { events: [], next: start };
  const handle = await open(path, 'r');
  try {
    const bytes = Buffer.alloc(size - start);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, start);
    const whole = bytes.subarray(0, bytesRead).lastIndexOf('\n') + 1;
    const lines = bytes.subarray(0, whole).toString('utf8').split('\n');
    return { events: lines.flatMap(parse), next: start + whole };
  } finally {
    await handle.close();
  }
}

/** A line cut in two, by a crash or by starting in its middle, is none. */
function parse(line: string): CommittedEvent[] {
  try {
    const parsed = envelope.safeParse(JSON.parse(line));
    return parsed.success ? [parsed.data] : [];
  } catch {
    return [];
  }
}
