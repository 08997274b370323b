/** An engine that is older than the one that wrote a snapshot must not open it. */
import { ENGINE_ADVICE } from '../errors/engine-advice.ts';
import { EngineTooOldError } from '../errors/errors.ts';
import { compareVersions } from '../protocol/engine-versions.ts';
import type { LoadedManifest } from './load-manifest.ts';

/** @param writer Version of the engine that wrote the snapshot; `null` for one without records, which needs none. */
export function canOpen(version: string, writer: string | null): boolean {
  return writer === null || compareVersions(version, writer) >= 0;
}

/** Chroma silently opens a database of a newer Chroma and may damage it. @throws EngineTooOldError */
export function refuseOlder(version: string, { manifest }: LoadedManifest): void {
  const { engine, collection } = manifest;
  if (engine === null || canOpen(version, engine.version)) return;
  throw new EngineTooOldError(
    `Collection "${collection}" was written by ${engine.name} ${engine.version}; the engine here is ${version}. ` +
      `Set CHROMA_BIN to that version or a newer one: ${ENGINE_ADVICE}`,
  );
}
