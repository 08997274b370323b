/** The clean marker as a JSON file beside the data. If it is unreadable, the data counts as dirty. */
import { readFile } from 'node:fs/promises';
import type { CleanMarker } from '../../ports.ts';
import { unlessAbsent } from './disk-errors.ts';
import { replaceFile } from './durable.ts';

export async function readMarkerFile(path: string): Promise<CleanMarker | undefined> {
  const json = await unlessAbsent(readFile(path, 'utf8'));
  return json === undefined ? undefined : parse(json);
}

/** Durable and atomic. */
export async function writeMarkerFile(path: string, marker: CleanMarker): Promise<void> {
  const { manifestKey, manifestSha256 } = marker;
  await replaceFile(path, [Buffer.from(JSON.stringify({ manifestKey, manifestSha256 }))]);
}

function parse(json: string): CleanMarker | undefined {
  try {
    const { manifestKey, manifestSha256 } = JSON.parse(json);
    const isMarker = typeof manifestKey === 'string' && typeof manifestSha256 === 'string';
    return isMarker ? { manifestKey, manifestSha256 } : undefined;
  } catch {
    return undefined;
  }
}
