/**
 * StartCompactions: turns the store's notifications of new deltas into one execution per collection. A message is only
 * a wake-up, since the inbox is the queue of record: an unintelligible message is dropped, and a repeated one does no
 * harm.
 */
import { z } from 'zod';
import { mapLimit } from '../concurrency/map-limit.ts';
import type { Ports } from '../ports.ts';
import { executionName } from '../protocol/execution-name.ts';
import { parseDeltaKey } from '../snapshot/keys.ts';

const PARALLEL = 8;

/** A message as SQS hands it to a Lambda. */
export interface QueueRecord {
  messageId: string;
  /** An S3 event notification in JSON. */
  body: string;
}

/** Messages that SQS returns to the queue; all others are deleted. */
export interface BatchResponse {
  batchItemFailures: Array<{ itemIdentifier: string }>;
}

const notification = z.object({
  Records: z.array(z.object({ eventName: z.string(), s3: z.object({ object: z.object({ key: z.string() }) }) })),
});

/** Called by Lambda for a batch of the queue. */
export async function startCompaction(
  ports: Pick<Ports, 'executions' | 'telemetry'>,
  { Records }: { Records: readonly QueueRecord[] },
): Promise<BatchResponse> {
  return startCompactions(ports, Records);
}

/**
 * The name of an execution is derived from the messages alone, not from a time: it absorbs repeats of the same batch,
 * but no other wake-up. A message fails if starting fails for any collection that it concerns; nothing else can fail.
 */
export async function startCompactions(
  ports: Pick<Ports, 'executions' | 'telemetry'>,
  records: readonly QueueRecord[],
): Promise<BatchResponse> {
  const messages = new Map<string, Set<string>>();
  for (const record of records) {
    for (const collection of collectionsOf(ports, record)) {
      messages.set(collection, (messages.get(collection) ?? new Set()).add(record.messageId));
    }
  }
  const failed = new Set<string>();
  await mapLimit([...messages], PARALLEL, async ([collection, ids]) => {
    try {
      await ports.executions.start(executionName(collection, 'batch', ...[...ids].sort()), { collection });
    } catch (error) {
      for (const id of ids) failed.add(id);
      ports.telemetry.warn('An execution could not be started; its messages come again.', {
        collection,
        messages: ids.size,
        reason: String(error),
      });
    }
  });
  return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
}

/** Collections that a message concerns; none if it is not a notification of a delta. */
function collectionsOf(ports: Pick<Ports, 'telemetry'>, { messageId, body }: QueueRecord): Set<string> {
  const keys = createdKeys(body);
  const collections = new Set(keys.flatMap((key) => deltaOf(key)?.collection ?? []));
  if (collections.size === 0) {
    ports.telemetry.warn('A message is no notification of a delta; it is dropped.', {
      messageId,
      body: body.slice(0, 500),
    });
  }
  return collections;
}

/** Keys of new objects, as S3 writes them. */
function createdKeys(body: string): string[] {
  const parsed = notification.safeParse(parseJson(body));
  const records = parsed.success ? parsed.data.Records : [];
  return records.filter(({ eventName }) => eventName.startsWith('ObjectCreated:')).map(({ s3 }) => s3.object.key);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Notifications contain whole keys, including the store's prefix, URL-encoded with `+` for a space. */
function deltaOf(encoded: string): ReturnType<typeof parseDeltaKey> {
  try {
    const key = decodeURIComponent(encoded.replaceAll('+', ' '));
    return parseDeltaKey(key.split('/').slice(-3).join('/'));
  } catch {
    return undefined;
  }
}
