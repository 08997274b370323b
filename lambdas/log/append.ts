/**
 * The writer of one collection's log in one process. While one object is on its way, requests gather and go into the next
 * one together: a store that takes 30 ms for an object takes as many requests in that time as there are (group commit).
 */
import { InvalidInputError } from '../errors/errors.ts';
import { MAX_DELTA_BYTES } from '../snapshot/delta.ts';
import { encodeRequest, joinRequests, type LoggedRequest } from '../snapshot/request-delta.ts';
import { LogEnd, type LogPorts } from './place-write.ts';

/** Of one object with several requests: what a merge, or a reader, has to take at a stretch. A larger one goes alone. */
const MAX_GROUP_BYTES = 4 * 1024 * 1024;
const MAX_GROUP_REQUESTS = 1_000;
/** For the first line. */
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
   * Resolves when the request is durable, and before every request that is appended from then on, by whichever writer.
   * Requests of one writer are in the order of the calls.
   * @param parsed What its body says, if it was parsed already: embeddings make that the dearest part.
   * @throws InvalidInputError (it cannot be logged), StoreUnavailableError or TableUnavailableError (nobody knows whether
   * it is in the log, or will be), CollectionNotFoundError, and those of the pointer
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
        const number = await this.#end.place(joinRequests(lines, this.#ports.ids.commitId()));
        for (const { done } of group) done({ number });
      } catch (error) {
        for (const { failed } of group) failed(error);
      }
    }
    this.#isWriting = false;
  }

  /** At least one. */
  #nextGroup(): Waiting[] {
    let bytes = 0;
    const end = this.#waiting.findIndex((request, n) => {
      bytes += request.bytes;
      return n > 0 && (bytes > MAX_GROUP_BYTES || n >= MAX_GROUP_REQUESTS);
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }
}
