/** A version as a plain Chroma directory, for any Chroma client to open. */
import type { Ports, WorkingDirectory } from '../ports.ts';
import { liveBytes } from '../snapshot/manifest.ts';
import { type Hydration, hydrate } from './hydrate.ts';
import type { LoadedManifest } from './load-manifest.ts';

/** Hydrate a version and hand the verified directory to `use`, which may open an engine on it or copy it. */
export async function withCheckout<Result>(
  ports: Ports,
  loaded: LoadedManifest,
  use: (directory: WorkingDirectory, hydration: Hydration) => Promise<Result>,
): Promise<Result> {
  const directory = await ports.directories.claim(loaded.manifest.collection, liveBytes(loaded.manifest.files));
  try {
    return await use(directory, await hydrate(ports, directory, loaded));
  } finally {
    await directory.release();
  }
}
