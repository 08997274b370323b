/**
 * Folds the operations of one record into what must be sent for it: at most a delete, and one patch after it.
 *
 * An `upsert` of a record that exists and an `update` are both patches (what is given replaces, metadata key by key), and
 * patches compose: the later one wins where both speak, and a `null` of the earlier one stays as long as the later one
 * does not speak of its key, since the stored record may have it. A delete forgets every patch before it.
 * Measured on Chroma against one operation at a time: `test/engine/fold.test.ts`.
 */

import type { Metadata } from '../snapshot/metadata.ts';
import type { Operation, Update, Upsert } from '../snapshot/operation.ts';

export type Patch = Upsert | Update;
/** `idle`: a delete of a record that is not there. `missed`: an update of one. */
export type Effect = 'applied' | 'idle' | 'missed';

export class RecordFold {
  readonly id: string;
  readonly #wasThere: boolean;
  #isThere: boolean;
  #isDeletedFirst = false;
  #patch: Patch | undefined;
  /** The patch is a copy of ours, which may be written to. */
  #isOwn = false;

  /** @param wasThere Is the record there before the first operation? */
  constructor(id: string, wasThere: boolean) {
    this.id = id;
    this.#wasThere = wasThere;
    this.#isThere = wasThere;
  }

  /** Is it there after all operations so far? */
  get isThere(): boolean {
    return this.#isThere;
  }

  /** Records afterwards minus records before. */
  get growth(): number {
    return Number(this.#isThere) - Number(this.#wasThere);
  }

  /** Must the stored record go first? */
  get isDeletedFirst(): boolean {
    return this.#isDeletedFirst;
  }

  /** What is sent after that. An upsert if the record is not there by then. */
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

  /** Into the patch itself: a record with 100,000 operations is not copied 100,000 times. */
  #compose(older: Patch, { embedding, metadata, document }: Patch): void {
    const own: Patch = this.#isOwn ? older : { ...older, ...copyOfMetadata(older.metadata) };
    this.#isOwn = true;
    if (embedding !== undefined) own.embedding = embedding;
    if (document !== undefined) own.document = document;
    if (metadata !== undefined) own.metadata = Object.assign(own.metadata ?? {}, metadata);
    this.#patch = own;
  }
}

/** An upsert stays one, whatever follows, and an update remains one: the record is there. */
function withoutLine(operation: Patch & { line?: number }): Patch {
  const { line: _line, ...patch } = operation;
  return patch;
}

function copyOfMetadata(metadata: Metadata | undefined): { metadata?: Metadata } {
  return metadata === undefined ? {} : { metadata: { ...metadata } };
}
