/**
 * One file that stores records much like SQLite stores pages: fixed slots, so that a small change touches few blocks,
 * and a journal while it is being written, so that a crash in the middle shows. Equal operations in equal order give
 * equal bytes.
 *
 * Slot: u32 next slot (0: none) | u16 bytes used | u8 kind | u8 zero | payload, zero-padded. A chain's payloads together
 * are u32 length of JSON | JSON | float32 components, all little-endian. The first slot starts the chain of the head.
 */

import { DirtyDirectoryError } from '../../lambdas/errors/errors.ts';
import type { EngineRecord, Space, WorkingDirectory } from '../../lambdas/ports.ts';
import { parseExact, stringifyExact } from '../../lambdas/snapshot/exact-json.ts';

export const DATABASE = 'model.db';
export const JOURNAL = 'model.db-journal';
export const SLOT_SIZE = 256;
const PREFIX_SIZE = 8;
const CAPACITY = SLOT_SIZE - PREFIX_SIZE;
const FREE = Buffer.alloc(SLOT_SIZE);
const HEAD = 1;
const RECORD = 2;
const CONTINUATION = 3;

export interface Head {
  name: string;
  space: Space;
  dimension: number;
}

interface Stored {
  record: EngineRecord;
  slots: number[];
}

export class ModelDatabase {
  readonly #directory: WorkingDirectory;
  readonly #slots: Buffer[] = [];
  readonly #changed = new Set<number>();
  readonly #records = new Map<string, Stored>();
  #head: Head | undefined;

  /** @throws DirtyDirectoryError (a journal is present, or the file is damaged) */
  static async load(directory: WorkingDirectory): Promise<ModelDatabase> {
    const files = await directory.list();
    if (files.some(({ path }) => path === JOURNAL)) throw dirty(directory, 'has a journal');
    const chunks: Uint8Array[] = [];
    if (files.some(({ path }) => path === DATABASE)) {
      for await (const chunk of directory.read(DATABASE)) chunks.push(chunk);
    }
    return new ModelDatabase(directory, Buffer.concat(chunks));
  }

  constructor(directory: WorkingDirectory, bytes: Buffer) {
    this.#directory = directory;
    if (bytes.length % SLOT_SIZE !== 0) throw dirty(directory, 'ends inside a slot');
    for (let at = 0; at < bytes.length; at += SLOT_SIZE) this.#slots.push(bytes.subarray(at, at + SLOT_SIZE));
    for (const [index, slot] of this.#slots.entries()) {
      const kind = slot.readUInt8(6);
      if (kind === HEAD) this.#head = decode(this.#payload(index).bytes).json as Head;
      if (kind === RECORD) this.#addStored(index);
    }
  }

  get head(): Head | undefined {
    return this.#head;
  }

  get size(): number {
    return this.#records.size;
  }

  get(id: string): EngineRecord | undefined {
    const stored = this.#records.get(id);
    return stored && copyOf(stored.record);
  }

  all(): EngineRecord[] {
    return [...this.#records.values()].map(({ record }) => copyOf(record));
  }

  usage(): { slots: number; free: number } {
    return { slots: this.#slots.length, free: this.#slots.filter((slot) => slot.equals(FREE)).length };
  }

  create(head: Head): void {
    this.#head = head;
    this.#store(HEAD, [], encode(head, []));
  }

  set(record: EngineRecord): void {
    const { embedding = [], ...json } = copyOf(record);
    const slots = this.#store(RECORD, this.#records.get(record.id)?.slots ?? [], encode(json, embedding));
    this.#records.set(record.id, { record: { ...json, embedding: embedding.map(Math.fround) }, slots });
  }

  delete(id: string): void {
    this.#free(this.#records.get(id)?.slots ?? []);
    this.#records.delete(id);
  }

  /** Write what changed. When it throws, the directory is dirty and this object is of no more use. */
  async commit(): Promise<void> {
    if (this.#changed.size === 0) return;
    await this.#directory.writeAt(JOURNAL, 0, Buffer.from('a write is in progress'));
    for (const index of [...this.#changed].sort((a, b) => a - b)) {
      await this.#directory.writeAt(DATABASE, index * SLOT_SIZE, this.#slots[index] ?? FREE);
    }
    while (this.#slots.at(-1)?.equals(FREE) === true) this.#slots.pop();
    await this.#directory.resize(DATABASE, this.#slots.length * SLOT_SIZE);
    await this.#directory.remove(JOURNAL);
    this.#changed.clear();
  }

  #addStored(index: number): void {
    const { bytes, slots } = this.#payload(index);
    const { json, embedding } = decode(bytes);
    const record = { ...(json as Omit<EngineRecord, 'embedding'>), embedding };
    this.#records.set(record.id, { record, slots });
  }

  #payload(first: number): { bytes: Buffer; slots: number[] } {
    const slots: number[] = [];
    const parts: Buffer[] = [];
    let index = first;
    do {
      const slot = this.#slots[index];
      const follows = slots.length === 0 || slot?.readUInt8(6) === CONTINUATION;
      if (slot === undefined || !follows || slots.includes(index)) throw dirty(this.#directory, 'has a broken chain');
      slots.push(index);
      parts.push(slot.subarray(PREFIX_SIZE, PREFIX_SIZE + slot.readUInt16LE(4)));
      index = slot.readUInt32LE(0);
    } while (index !== 0);
    return { bytes: Buffer.concat(parts), slots };
  }

  /** Stays in its old slots as far as they go. */
  #store(kind: number, old: readonly number[], bytes: Buffer): number[] {
    const needed = Math.ceil(bytes.length / CAPACITY);
    const slots = old.slice(0, needed);
    this.#free(old.slice(needed));
    while (slots.length < needed) slots.push(this.#takeFree(slots));
    for (const [n, index] of slots.entries()) {
      const part = bytes.subarray(n * CAPACITY, (n + 1) * CAPACITY);
      const slot = Buffer.alloc(SLOT_SIZE);
      slot.writeUInt32LE(slots[n + 1] ?? 0, 0);
      slot.writeUInt16LE(part.length, 4);
      slot.writeUInt8(n === 0 ? kind : CONTINUATION, 6);
      slot.set(part, PREFIX_SIZE);
      this.#put(index, slot);
    }
    return slots;
  }

  /** The lowest one, so that the choice follows from the file alone. */
  #takeFree(taken: readonly number[]): number {
    const index = this.#slots.findIndex((slot, i) => slot.equals(FREE) && !taken.includes(i));
    if (index !== -1) return index;
    return Math.max(this.#slots.length, ...taken.map((i) => i + 1));
  }

  #free(slots: readonly number[]): void {
    for (const index of slots) this.#put(index, FREE);
  }

  #put(index: number, slot: Buffer): void {
    while (this.#slots.length <= index) this.#slots.push(FREE);
    this.#slots[index] = slot;
    this.#changed.add(index);
  }
}

/** Records are flat but for metadata and embedding. */
function copyOf(record: EngineRecord): EngineRecord {
  const copy = { ...record };
  if (copy.metadata) copy.metadata = { ...copy.metadata };
  if (copy.embedding) copy.embedding = [...copy.embedding];
  return copy;
}

function encode(json: object, embedding: readonly number[]): Buffer {
  const text = Buffer.from(stringifyExact(json));
  const bytes = Buffer.alloc(4 + text.length + 4 * embedding.length);
  bytes.writeUInt32LE(text.length, 0);
  bytes.set(text, 4);
  for (const [n, component] of embedding.entries()) bytes.writeFloatLE(component, 4 + text.length + 4 * n);
  return bytes;
}

function decode(bytes: Buffer): { json: unknown; embedding: number[] } {
  const start = 4 + bytes.readUInt32LE(0);
  const embedding: number[] = [];
  for (let at = start; at < bytes.length; at += 4) embedding.push(bytes.readFloatLE(at));
  return { json: parseExact(bytes.toString('utf8', 4, start)), embedding };
}

function dirty(directory: WorkingDirectory, what: string): DirtyDirectoryError {
  return new DirtyDirectoryError(`Model database in "${directory.path}" ${what}. Clear it and hydrate it again.`);
}
