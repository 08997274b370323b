/**
 * The writer of one collection's log in one process. While one object is on its way, further requests gather, and go
 * into the next object together: however many requests arrive in the 30 ms that a store takes for an object, they share
 * one write (group commit).
 */
import { InvalidInputError } from '../errors/errors.ts';
import { MAX_DELTA_BYTES } from '../snapshot/delta.ts';
import { encodeRequest, joinRequests, type LoggedRequest } from '../snapshot/request-delta.ts';
import { LogEnd, type LogPorts } from './place-write.ts';

/**
 * Largest object that several requests share, since a merge or a reader has to take an object whole. A larger request
 * gets an object of its own.
 */
const MAX_GROUP_BYTES = 4 * 1024 * 1024;
const MAX_GROUP_REQUESTS = 1_000;
/** Room for the first line. */
const HEADER_BYTES = 256;

interface Waiting {
  line: string;
  bytes: number;
  done: (appended: { number: number }) => void;
  failed: (error: unknown) => void;
}

export class LogWriter {
  readonly #ports: LogPorts;
  readonly #end: LogEnd;
  #waiting: Waiting[] = [];
  #isWriting = false;

  constructor(ports: LogPorts, collection: string) {
    this.#ports = ports;
    this.#end = new LogEnd(ports, collection);
  }

  /**
   * Resolves when the request is durable and ordered before every request that any writer appends from then on.
   * Requests of one writer keep the order of the calls.
   * @param parsed The parsed body, if the caller has it: because of the embeddings, parsing is the most expensive part.
   * @throws InvalidInputError (it cannot be logged), StoreUnavailableError or TableUnavailableError (it is unknown
   * whether it is or will be in the log), CollectionNotFoundError, and those of the pointer
   */
  async append(request: LoggedRequest, parsed?: object): Promise<{ number: number }> {
    const line = encodeRequest(request, parsed);
    const bytes = Buffer.byteLength(line) + 1;
    if (bytes > MAX_DELTA_BYTES - HEADER_BYTES) {
      throw new InvalidInputError(`The request has ${bytes} bytes; at most ${MAX_DELTA_BYTES} go into the log.`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<{ number: number }>();
    this.#waiting.push({ line, bytes, done: resolve, failed: reject });
    if (!this.#isWriting) void this.#write();
    return promise;
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      const lines = group.map(({ line }) => line);
      try {
        const number = await this.#end.place(joinRequests(lines, this.#ports.ids.ulid()));
        for (const { done } of group) done({ number });
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
    }
    this.#isWriting = false;
  }

  /** Takes at least one request. */
  #nextGroup(): Waiting[] {
    let bytes = 0;
    const end = this.#waiting.findIndex((request, n) => {
      bytes += request.bytes;
      return n > 0 && (bytes > MAX_GROUP_BYTES || n >= MAX_GROUP_REQUESTS);
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }
}
