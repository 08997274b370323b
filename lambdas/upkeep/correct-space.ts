/**
 * Corrects a manifest whose distance is not the one by which its collection ranks: imports used to assume a distance
 * where old directories do not state one (ADR 34). This is an ordinary commit with the same files.
 */

import { onCurrentVersion, publishManifest } from '../commit/publish-manifest.ts';
import { InvalidInputError } from '../errors/errors.ts';
import type { Ports, Space } from '../ports.ts';
import { childAncestry } from '../snapshot/manifest.ts';
import { withCheckout } from '../versions/checkout.ts';
import type { CurrentVersion } from '../versions/load-current.ts';
import { refuseOlder } from '../versions/refuse-older.ts';

export interface SpaceReport {
  collection: string;
  /** The current version afterwards. */
  version: number;
  /** The space found by measurement. */
  space: Space;
  /** The space that the manifest named before. */
  recorded: Space;
  corrected: boolean;
}

/**
 * If the pointer moves meanwhile, the version that is then current is measured.
 * @throws InvalidInputError (no record to measure by), DirtyDirectoryError (it ranks by none of the spaces),
 * EngineTooOldError, EngineUnavailableError, PointerMovedError (every race was lost), SwapUnknownError,
 * InvariantViolatedError, StoreUnavailableError, DiskFullError, and those of the pointer
 */
export async function correctSpace(ports: Ports, collection: string, actor: string): Promise<SpaceReport> {
  return onCurrentVersion(ports, collection, 'to correct its space', async (current) => {
    const { manifest } = current;
    const space = await measure(ports, current);
    const report = { collection, space, recorded: manifest.space };
    if (space === manifest.space) return { ...report, version: manifest.version, corrected: false };
    const { version } = await publishManifest(ports, current, {
      manifest: {
        ...manifest,
        version: manifest.version + 1,
        commitId: ports.ids.ulid(),
        parent: current.ref,
        ancestry: childAncestry(manifest),
        space,
      },
      parent: { ...manifest, space },
      what: 'correction',
      actor,
    });
    return { ...report, version, corrected: true };
  });
}

async function measure(ports: Ports, current: CurrentVersion): Promise<Space> {
  const { collection, records } = current.manifest;
  if (records === 0) {
    throw new InvalidInputError(`"${collection}" holds no record, so there is no distance to measure. Add some first.`);
  }
  refuseOlder((await ports.engine.identify()).version, current);
  return withCheckout(ports, current, async (directory) => {
    const session = await ports.engine.open(directory);
    try {
      return await session.measureSpace(collection);
    } finally {
      await session.close();
    }
  });
}
