/**
 * `index_metadata.pickle` of a vector segment: which record has which label in the index. Chroma in Python pickles an
 * object of its own class, the server written in Rust a dictionary of the same fields.
 *
 * Facts from `PersistentData` in chromadb/segment/impl/vector/local_persistent_hnsw.py and `IdMap` in
 * rust/segment/src/local_hnsw.rs of chroma-core/chroma.
 */
import { BufferReader, Parser } from 'pickleparser';
import { demand, IndexFault } from './fault.ts';

export interface IndexMetadata {
  dimension: number | null;
  totalElementsAdded: number;
  idToLabel: ReadonlyMap<string, number>;
}

/** Stands for Chroma's class; the pickle may name no other. */
class PersistentData {}
const MODULE = 'chromadb.segment.impl.vector.local_persistent_hnsw';

/** As strict as the engine: all text is UTF-8, and nothing follows the end. */
class StrictReader extends BufferReader {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

  override string(size: number): string {
    return this.#decoder.decode(this.bytes(size));
  }
}

/** @throws IndexFault */
export function readMetadata(bytes: Uint8Array): IndexMetadata {
  const parsed = parse(bytes);
  const fields = parsed instanceof Map ? parsed : new Map(Object.entries(parsed ?? {}));
  const idToLabel = mapOf(fields, 'id_to_label', 'string', 'number') as Map<string, number>;
  const labelToId = mapOf(fields, 'label_to_id', 'number', 'string') as Map<number, string>;
  demand(
    idToLabel.size === labelToId.size && [...idToLabel].every(([id, label]) => labelToId.get(label) === id),
    () => 'index_metadata.pickle gives records labels that belong to others',
  );
  // The write that a record came with; the engine reads it and does not use it.
  mapOf(fields, 'id_to_seq_id', 'string', 'number');
  const totalElementsAdded = number(fields, 'total_elements_added');
  demand(totalElementsAdded !== null, () => 'index_metadata.pickle does not say how many elements were added');
  const dimension = number(fields, 'dimensionality');
  return { dimension, totalElementsAdded, idToLabel };
}

function parse(bytes: Uint8Array): unknown {
  const nameResolver = {
    resolve(module: string, name: string) {
      if (module === MODULE && name === 'PersistentData') return PersistentData;
      throw new IndexFault(`index_metadata.pickle names ${module}.${name}`);
    },
  };
  try {
    const reader = new StrictReader(bytes);
    const parsed: unknown = new Parser({ nameResolver, unpicklingTypeOfDictionary: 'Map' }).read(reader);
    demand(!reader.hasNext(), () => `there are ${bytes.length - reader.position} bytes behind its end`);
    return parsed;
  } catch (cause) {
    // Any error of the parser on bytes that are not a pickle.
    throw new IndexFault(`index_metadata.pickle cannot be read (${(cause as Error).message})`, { cause });
  }
}

function mapOf(fields: Map<unknown, unknown>, name: string, key: string, value: string): Map<unknown, unknown> {
  const found = fields.get(name);
  demand(
    found instanceof Map && [...found].every((pair) => typeof pair[0] === key && typeof pair[1] === value),
    () => `index_metadata.pickle has no ${name}`,
  );
  return found;
}

function number(fields: Map<unknown, unknown>, name: string): number | null {
  const found = fields.get(name) ?? null;
  demand(found === null || Number.isSafeInteger(found), () => `index_metadata.pickle says ${name} is ${found}`);
  return found as number | null;
}

/**
 * Every record has the label of an existing element, and every element that is not deleted has a record. @throws
 * IndexFault
 */
export function checkLabels(metadata: IndexMetadata, labels: Uint32Array, deleted: Uint8Array): void {
  const isDeleted = new Map<number, boolean>();
  const { totalElementsAdded } = metadata;
  for (const [element, label] of labels.entries()) {
    if (isDeleted.has(label)) throw new IndexFault(`two elements have label ${label}`);
    isDeleted.set(label, deleted[element] === 1);
    // The next record gets the next label: if that is taken, its vector would be replaced.
    if (label > totalElementsAdded) {
      throw new IndexFault(`element ${element} has label ${label}, and only ${totalElementsAdded} were added`);
    }
  }
  for (const [id, label] of metadata.idToLabel) {
    const found = isDeleted.get(label);
    if (found === false) continue;
    throw new IndexFault(
      `record "${id}" has label ${label}, of which the index has ${found ? 'a deleted' : 'no'} element`,
    );
  }
  const live = deleted.length - deleted.reduce((sum, flag) => sum + flag, 0);
  const { size } = metadata.idToLabel;
  demand(live === size, () => `the index has ${live} elements that are not deleted, for ${size} records`);
}
