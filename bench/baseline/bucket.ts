/** The predecessor's pointer: one small object that is overwritten unconditionally. */

import { ObjectNotFoundError, PreconditionFailedError } from '../../lambdas/errors/errors.ts';
import type { ObjectStore } from '../../lambdas/ports.ts';
import type { Meter } from '../network/meter.ts';
import type { Network } from '../network/network.ts';
import type { TreeFile } from './files.ts';

export interface BaselinePointer {
  version: number;
  /** Where the version's files are. */
  prefix: string;
  files: TreeFile[];
  records: number;
  /** For the bench alone: versions that this one stands on, and the deltas that each applied. */
  history: Array<{ version: number; deltas: string[] }>;
}

const KEY = 'baseline/pointer.json';

/** The store port has no unconditional PUT, since the product needs none: here it is one request all the same. */
export class PointerFile {
  readonly #store: ObjectStore;
  readonly #network: Network;
  readonly #meter: Meter;

  constructor(store: ObjectStore, network: Network, meter: Meter) {
    this.#store = store;
    this.#network = network;
    this.#meter = meter;
  }

  async read(): Promise<BaselinePointer> {
    this.#meter.count('storeGets');
    const { storeReadMs } = this.#network.model;
    const { body } = await this.#network.request(
      { latencyMs: storeReadMs, link: this.#network.store },
      () => this.#store.get(KEY),
      () => POINTER_BYTES,
    );
    this.#meter.count('storeBytesDown', POINTER_BYTES);
    return JSON.parse(Buffer.from(body).toString()) as BaselinePointer;
  }

  async write(pointer: BaselinePointer): Promise<void> {
    this.#meter.count('storePuts');
    this.#meter.count('storeBytesUp', POINTER_BYTES);
    const body = Buffer.from(JSON.stringify(pointer));
    const { storeWriteMs } = this.#network.model;
    await this.#network.request({ latencyMs: storeWriteMs, link: this.#network.store, bytesUp: POINTER_BYTES }, () =>
      overwrite(this.#store, body),
    );
  }
}

/** Of a pointer without the bench's own bookkeeping. */
const POINTER_BYTES = 512;

async function overwrite(store: ObjectStore, body: Uint8Array): Promise<void> {
  for (;;) {
    try {
      const { etag } = await store.head(KEY);
      await store.putIfMatch(KEY, body, etag);
      return;
    } catch (error) {
      if (error instanceof ObjectNotFoundError) await store.putIfAbsent(KEY, body);
      else if (!(error instanceof PreconditionFailedError)) throw error;
    }
  }
}
