/**
 * The local stack's event bus: a file of events in EventBridge's own envelope, as rules receive them in AWS, one JSON
 * line each. `compactor events` reads it. It keeps the newest events: when it gets too large, its older half is
 * dropped, and the first line says how many bytes were dropped in all.
 */
import { randomUUID } from 'node:crypto';
import { appendFile, open, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { unlessAbsent } from '../lambdas/adapters/files/disk-errors.ts';
import { readFully } from '../lambdas/adapters/files/whole-reads.ts';
import { FileLock } from '../lambdas/adapters/store/file-lock.ts';
import type { Announcer, Refusal } from '../lambdas/ports.ts';
import {
  COMPACTION_COMMITTED,
  type CompactionCommitted,
  compactionCommitted,
  EVENT_SOURCE,
} from '../lambdas/protocol/announcement.ts';
import { ACCOUNT, REGION } from './sfn/names.ts';

const EVENTS_FILE = 'events.jsonl';
const LOCK_FILE = 'events.lock';
/** Beyond this size the older half is dropped. */
const MAX_BYTES = 16 * 1024 * 1024;
const HEADER = /^\{"dropped":(\d+)\}\n/;
const MAX_HEADER_BYTES = 64;

/** An event as the target of a rule receives it. */
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
  readonly #lock: FileLock;
  readonly #maxBytes: number;

  constructor(dataDirectory: string, { maxBytes = MAX_BYTES }: { maxBytes?: number } = {}) {
    this.#path = join(dataDirectory, EVENTS_FILE);
    this.#lock = new FileLock(join(dataDirectory, LOCK_FILE));
    this.#maxBytes = maxBytes;
  }

  /** @throws StoreUnavailableError (another process holds the lock), and errors of the file system */
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
    const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('');
    // Commands and the embedded stack may write at the same time, and an append to a file that is being replaced would
    // be lost.
    await this.#lock.run(async () => {
      await appendFile(this.#path, lines);
      if ((await stat(this.#path)).size > this.#maxBytes) await this.#dropOlderHalf();
    });
    return [];
  }

  /** The last event is kept, however long it is. */
  async #dropOlderHalf(): Promise<void> {
    const { bytes, start } = await readKept(this.#path);
    const afterHalf = bytes.indexOf('\n', bytes.length - Math.floor(this.#maxBytes / 2)) + 1;
    const lastLine = bytes.lastIndexOf('\n', bytes.length - 2) + 1;
    const cut = Math.min(afterHalf, lastLine);
    const temporary = `${this.#path}.tmp`;
    await writeFile(temporary, [`{"dropped":${start + cut}}\n`, bytes.subarray(cut)]);
    await rename(temporary, this.#path);
  }
}

/**
 * Events in the order of publication, from a position on; `next` is where to go on. A position counts bytes since the
 * first event ever, so it stays valid when older events are dropped. A position whose events were dropped, or one
 * beyond the end because the data directory was recreated, means all events in the file.
 */
export async function readEvents(
  dataDirectory: string,
  from?: number,
): Promise<{ events: CommittedEvent[]; next: number }> {
  const kept = await readKept(join(dataDirectory, EVENTS_FILE), from);
  const whole = kept.bytes.lastIndexOf('\n') + 1;
  const lines = kept.bytes.subarray(0, whole).toString('utf8').split('\n');
  return { events: lines.flatMap(parse), next: kept.start + whole };
}

/**
 * Bytes from a position on, and the position of the first of them. An open file is one state, even if it is replaced
 * meanwhile.
 */
async function readKept(path: string, from?: number): Promise<{ bytes: Buffer; start: number }> {
  const handle = await unlessAbsent(open(path, 'r'));
  if (handle === undefined) return { bytes: Buffer.alloc(0), start: 0 };
  try {
    const { size } = await handle.stat();
    const head = (await readFully(handle, Buffer.alloc(Math.min(size, MAX_HEADER_BYTES)), 0)).toString('latin1');
    const [header = '', dropped = 0] = HEADER.exec(head) ?? [];
    const oldest = Number(dropped);
    const end = oldest + size - header.length;
    const start = from !== undefined && from >= oldest && from <= end ? from : oldest;
    return { bytes: await readFully(handle, Buffer.alloc(end - start), header.length + start - oldest), start };
  } finally {
    await handle.close();
  }
}

/** Ignores a line that is incomplete because of a crash or a position in its middle. */
function parse(line: string): CommittedEvent[] {
  try {
    const parsed = envelope.safeParse(JSON.parse(line));
    return parsed.success ? [parsed.data] : [];
  } catch {
    return [];
  }
}
