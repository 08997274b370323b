/**
 * How much a server may write. An engine that runs away, on an index with an unforeseen kind of damage, stops at a
 * limit instead of filling the disk, which others share. The operating system enforces the limit, per file.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineRunawayError } from '../../errors/errors.ts';
import { unlessAbsent } from '../files/disk-errors.ts';

const MIB = 1024 * 1024;
/** A file may double: full-text indexes are merged into new pages before the old ones are free. */
const GROWTH = 2;
/** Bytes in files per byte of operations, with a margin: measured in ADR 0030. */
const BYTES_PER_INCOMING = 32;
/** Size of an index at its first persist, whatever it contains. */
const ALWAYS = 256 * MIB;

/** Largest size, in bytes, that a file of a directory may reach while this many bytes of operations are applied. */
export async function fileLimit(path: string, incomingBytes: number): Promise<number> {
  const sizes = (await filesIn(path)).map(({ size }) => size);
  return GROWTH * sizes.reduce((sum, size) => sum + size, 0) + BYTES_PER_INCOMING * incomingBytes + ALWAYS;
}

/**
 * @param wasStopped Did the system end the server because of the limit?
 * @throws EngineRunawayError (a file is at its limit)
 */
export async function refuseRunaway(path: string, maxFileBytes: number, wasStopped: boolean): Promise<void> {
  const largest = (await filesIn(path)).find(({ size }) => size >= maxFileBytes);
  if (largest === undefined && !wasStopped) return;
  throw new EngineRunawayError(
    `The engine wrote ${largest === undefined ? 'a file' : `"${largest.name}"`} of "${path}" up to the limit of ` +
      `${maxFileBytes} bytes, which is far more than its work needs; nothing was published. The base may be damaged: run ` +
      'compactor verify --deep, and roll back to a version that is whole.',
  );
}

async function filesIn(path: string): Promise<Array<{ name: string; size: number }>> {
  const names = (await unlessAbsent(readdir(path, { recursive: true }))) ?? [];
  const stats = await Promise.all(
    names.map(async (name) => {
      const found = await unlessAbsent(stat(join(path, name)));
      return found?.isFile() ? [{ name, size: found.size }] : [];
    }),
  );
  return stats.flat();
}
