/** The files of a version, put together from its packs alone, and the records in them. */
import { createHash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import type { EngineRecord } from '../../../lambdas/ports.ts';
import { type StoredManifest, sha256Of } from './formats.ts';

type Fetch = (key: string) => Promise<Uint8Array>;

const BLOCK = 4096;

/** @throws Error (a pack, a frame or a file is not what the manifest says) */
export async function filesOf(manifest: StoredManifest, fetch: Fetch): Promise<Map<string, Buffer>> {
  const packs: Uint8Array[] = [];
  for (const { key, size, sha256 } of manifest.packs) {
    const pack = await fetch(key);
    if (pack.length !== size || sha256Of(pack) !== sha256) throw new Error(`pack "${key}" is not the one described`);
    packs.push(pack);
  }
  const frames = manifest.frames.map(([pack, offset, length, rawLength, sha256]) => {
    const stored = packs[pack]?.subarray(offset, offset + length) ?? Buffer.alloc(0);
    if (sha256Of(stored) !== sha256) throw new Error(`the frame at ${offset} of pack ${pack} has another SHA-256`);
    const raw = zstdDecompressSync(stored);
    if (raw.length !== rawLength) throw new Error(`the frame at ${offset} of pack ${pack} has ${raw.length} bytes`);
    return raw;
  });
  const files = new Map<string, Buffer>();
  for (const { path, size, digest, extents } of manifest.files) {
    const pieces = extents.map(([, length, frame, at]) => frames[frame]?.subarray(at, at + length) ?? Buffer.alloc(0));
    const content = Buffer.concat(pieces);
    if (content.length !== size || digestOf(content) !== digest) throw new Error(`file "${path}" has other content`);
    files.set(path, content);
  }
  return files;
}

/** SHA-256 over the SHA-256 of each block of 4 KiB and the size. */
function digestOf(content: Buffer): string {
  const whole = createHash('sha256');
  for (let at = 0; at < content.length; at += BLOCK) {
    whole.update(
      createHash('sha256')
        .update(content.subarray(at, at + BLOCK))
        .digest(),
    );
  }
  const size = Buffer.alloc(8);
  size.writeBigUInt64BE(BigInt(content.length));
  return whole.update(size).digest('hex');
}

type Reviver = (key: string, value: unknown) => unknown;
/** A number as it is written; `JSON.stringify` writes it so. Standard since ECMAScript 2025. */
export const literal = (JSON as unknown as { rawJSON(text: string): object }).rawJSON;
const asLiteral = ((_key: string, value: unknown, { source = '' }: { source?: string }) =>
  typeof value === 'number' ? literal(source) : value) as Reviver;

const SLOT = 256;
const PREFIX = 8;
const RECORD = 2;

/** What the model of the engine has stored: chains of slots, each chain a record (test/support/model-database.ts). */
export function recordsIn(files: ReadonlyMap<string, Buffer>): Map<string, EngineRecord> {
  if (files.has('model.db-journal')) throw new Error('it holds a journal');
  const database = files.get('model.db') ?? Buffer.alloc(0);
  const records = new Map<string, EngineRecord>();
  for (let first = 0; first < database.length; first += SLOT) {
    if (database[first + 6] !== RECORD) continue;
    const parts: Buffer[] = [];
    for (let at: number | undefined = first; at !== undefined; ) {
      const next: number = database.readUInt32LE(at);
      parts.push(database.subarray(at + PREFIX, at + PREFIX + database.readUInt16LE(at + 4)));
      at = next === 0 ? undefined : next * SLOT;
    }
    const payload = Buffer.concat(parts);
    const end = 4 + payload.readUInt32LE(0);
    const record = JSON.parse(payload.toString('utf8', 4, end), asLiteral) as EngineRecord;
    const embedding = Array.from({ length: (payload.length - end) / 4 }, (_, n) => payload.readFloatLE(end + 4 * n));
    if (records.has(record.id)) throw new Error(`it holds record "${record.id}" twice`);
    records.set(record.id, { ...record, embedding });
  }
  return records;
}
