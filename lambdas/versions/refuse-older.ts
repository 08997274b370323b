/** An engine that is older than the one that wrote a snapshot must not open it. */
import { EngineTooOldError } from '../errors/errors.ts';
import { compareVersions } from '../protocol/versions.ts';
import type { LoadedManifest } from './load-manifest.ts';

/** Chroma silently opens a database of a newer Chroma and may damage it. @throws EngineTooOldError */
export function refuseOlder(version: string, { manifest }: LoadedManifest): void {
  const { engine, collection } = manifest;
  if (engine === null || compareVersions(version, engine.version) >= 0) return;
  throw new EngineTooOldError(
    `Collection "${collection}" was written by ${engine.name} ${engine.version}; the engine here is ${version}. ` +
      'Set CHROMA_BIN to that version or a newer one.',
  );
}
