/** Announces commits on an EventBridge bus. */
import { EventBridgeClient, PutEventsCommand, type PutEventsRequestEntry } from '@aws-sdk/client-eventbridge';
import { AnnouncerUnavailableError } from '../errors/errors.ts';
import type { Announcer, Refusal } from '../ports.ts';
import { COMPACTION_COMMITTED, type CompactionCommitted, EVENT_SOURCE } from '../protocol/announcement.ts';

/** What one PutEvents call takes. */
const MAX_ENTRIES = 10;
const MAX_REQUEST_BYTES = 256 * 1024;
/** Times for an answer, in milliseconds, and attempts: settling waits for this, and must not wait long. */
const TIMEOUTS = { connectionTimeout: 1_000, requestTimeout: 3_000, throwOnRequestTimeout: true };
const MAX_ATTEMPTS = 2;

export function createEventBridgeClient(): EventBridgeClient {
  return new EventBridgeClient({ maxAttempts: MAX_ATTEMPTS, requestHandler: TIMEOUTS });
}

export class EventBridgeAnnouncer implements Announcer {
  readonly #client: EventBridgeClient;
  readonly #busName: string;

  /** @param busName Name or ARN; `default` is the account's own. */
  constructor(client: EventBridgeClient, busName: string) {
    this.#client = client;
    this.#busName = busName;
  }

  /** PutEvents answers 200 although it refused some: each entry has an answer of its own. */
  async announce(announcements: readonly CompactionCommitted[]): Promise<Refusal[]> {
    const refusals: Refusal[] = [];
    for (const batch of batches(announcements)) {
      const answers = await this.#put(batch.map((announcement) => this.#entry(announcement)));
      for (const [index, announcement] of batch.entries()) {
        const { ErrorCode, ErrorMessage } = answers[index] ?? {};
        if (ErrorCode !== undefined) refusals.push({ announcement, reason: `${ErrorCode}: ${ErrorMessage}` });
      }
    }
    return refusals;
  }

  #entry(announcement: CompactionCommitted): PutEventsRequestEntry {
    return {
      EventBusName: this.#busName,
      Source: EVENT_SOURCE,
      DetailType: COMPACTION_COMMITTED,
      Detail: JSON.stringify(announcement),
    };
  }

  async #put(entries: PutEventsRequestEntry[]): Promise<Array<{ ErrorCode?: string; ErrorMessage?: string }>> {
    try {
      const { Entries = [] } = await this.#client.send(new PutEventsCommand({ Entries: entries }));
      return Entries;
    } catch (cause) {
      const { name, message } = cause instanceof Error ? cause : new Error(String(cause));
      throw new AnnouncerUnavailableError(
        `Bus "${this.#busName}" did not take ${entries.length} events: ${name}: ${message}. Check that it exists, and that the ` +
          'role may call events:PutEvents on it.',
        { cause },
      );
    }
  }
}

/** As many per call as it takes: by number, and by size as EventBridge counts it. */
function* batches(announcements: readonly CompactionCommitted[]): Generator<CompactionCommitted[]> {
  let batch: CompactionCommitted[] = [];
  let total = 0;
  for (const announcement of announcements) {
    const size =
      Buffer.byteLength(JSON.stringify(announcement)) + EVENT_SOURCE.length + COMPACTION_COMMITTED.length + 14;
    if (batch.length === MAX_ENTRIES || (batch.length > 0 && total + size > MAX_REQUEST_BYTES)) {
      yield batch;
      batch = [];
      total = 0;
    }
    batch.push(announcement);
    total += size;
  }
  if (batch.length > 0) yield batch;
}
