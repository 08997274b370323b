/** The queue between the store's notifications and the Lambda that starts executions: at least once, in batches. */
import type { BatchResponse, QueueRecord } from '../../lambdas/triggers/start-compactions.ts';
import type { Surroundings } from './faults.ts';

const MAX_RECEIVES = 12;

interface Message extends QueueRecord {
  receives: number;
}

export class Queue {
  readonly #world: Surroundings;
  readonly #receive: (records: QueueRecord[]) => Promise<BatchResponse>;
  readonly #lost: (message: QueueRecord) => void;
  #waiting: Message[] = [];
  #sent = 0;

  /** @param lost Told of what goes to the dead-letter queue. */
  constructor(
    world: Surroundings,
    receive: (records: QueueRecord[]) => Promise<BatchResponse>,
    lost: (message: QueueRecord) => void,
  ) {
    this.#world = world;
    this.#receive = receive;
    this.#lost = lost;
  }

  /** An object was created. */
  notify(key: string): void {
    const body = JSON.stringify({ Records: [{ eventName: 'ObjectCreated:Put', s3: { object: { key } } }] });
    this.#send({ messageId: `m-${++this.#sent}`, body, receives: 0 }, this.#world.random.logarithmic(1, 2_000));
  }

  #send(message: Message, delayMs: number): void {
    this.#world.scheduler.after(delayMs, () => {
      this.#waiting.push(message);
      // A batch window: what comes within it goes together.
      if (this.#waiting.length === 1)
        this.#world.scheduler.after(this.#world.random.logarithmic(1, 500), () => this.#deliver());
    });
  }

  #deliver(): void {
    const batch = this.#waiting.splice(0);
    for (const message of batch) message.receives++;
    // Not awaited by the scheduler: the world goes on meanwhile.
    this.#receive(batch).then(
      ({ batchItemFailures }) => {
        const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
        for (const message of batch) {
          if (failed.has(message.messageId)) this.#again(message);
          else if (this.#world.random.chance(0.05)) this.#send({ ...message, receives: MAX_RECEIVES - 1 }, 30_000);
        }
      },
      () => batch.map((message) => this.#again(message)),
    );
  }

  #again(message: Message): void {
    if (message.receives < MAX_RECEIVES) this.#send(message, this.#world.random.int(1_000, 60_000));
    else this.#lost(message);
  }
}
