/**
 * Folds the operations on one record into what must be sent for it: at most a delete, followed by one patch.
 *
 * An `upsert` of a record that exists and an `update` are both patches (what is given replaces, metadata key by key),
 * and patches compose: the later one wins where both set a key, and a `null` of the earlier one is kept unless the
 * later one sets its key, since the stored record may have it. A delete discards every patch before it. Measured on
 * Chroma against one operation at a time: `test/engine/fold.test.ts`.
 */

import type { Metadata } from '../snapshot/metadata.ts';
import type { Operation, Update, Upsert } from '../snapshot/operation.ts';

export type Patch = Upsert | Update;
/** `idle`: a delete of a missing record. `missed`: an update of one. */
export type Effect = 'applied' | 'idle' | 'missed';

export class RecordFold {
  readonly id: string;
  readonly #wasThere: boolean;
  #isThere: boolean;
  #isDeletedFirst = false;
  #patch: Patch | undefined;
  /** The patch is our own copy, which may be modified. */
  #isOwn = false;

  /** @param wasThere whether the record exists before the first operation */
  constructor(id: string, wasThere: boolean) {
    this.id = id;
    this.#wasThere = wasThere;
    this.#isThere = wasThere;
  }

  /** Does it exist after all operations so far? */
  get isThere(): boolean {
    return this.#isThere;
  }

  /** Change in the number of records. */
  get growth(): number {
    return Number(this.#isThere) - Number(this.#wasThere);
  }

  /** Must the stored record be deleted first? */
  get isDeletedFirst(): boolean {
    return this.#isDeletedFirst;
  }

  /** The patch to send after that; an upsert if the record does not exist by then. */
  get patch(): Patch | undefined {
    return this.#patch;
  }

  take(operation: Operation): Effect {
    if (operation.op === 'delete') return this.#delete();
    if (operation.op === 'update' && !this.#isThere) return 'missed';
    this.#isThere = true;
    if (this.#patch === undefined) this.#patch = withoutLine(operation);
    else this.#compose(this.#patch, operation);
    return 'applied';
  }

  #delete(): Effect {
    if (!this.#isThere) return 'idle';
    this.#isThere = false;
    this.#isDeletedFirst = this.#wasThere;
    this.#patch = undefined;
    this.#isOwn = false;
    return 'applied';
  }

  /** Modifies the patch in place: a record with 100,000 operations must not be copied 100,000 times. */
  #compose(older: Patch, { embedding, metadata, document }: Patch): void {
    const own: Patch = this.#isOwn ? older : { ...older, ...copyOfMetadata(older.metadata) };
    this.#isOwn = true;
    if (embedding !== undefined) own.embedding = embedding;
    if (document !== undefined) own.document = document;
    if (metadata !== undefined) own.metadata = Object.assign(own.metadata ?? {}, metadata);
    this.#patch = own;
  }
}

/** An upsert stays an upsert, whatever follows, and an update stays an update, since the record exists. */
function withoutLine(operation: Patch & { line?: number }): Patch {
  const { line: _line, ...patch } = operation;
  return patch;
}

function copyOfMetadata(metadata: Metadata | undefined): { metadata?: Metadata } {
  return metadata === undefined ? {} : { metadata: { ...metadata } };
}
