/** Applies deltas to the base's content in a working directory, and reads the result from the closed files. */

import { scan } from '../commit/scan.ts';
import { both } from '../concurrency/both.ts';
import { EngineRejectedDataError, MergeVerificationError } from '../errors/errors.ts';
import { operationsLeft, type ReadDelta } from '../inbox/read-deltas.ts';
import type { Ports, WorkingDirectory } from '../ports.ts';
import type { ScannedFile } from '../snapshot/commit.ts';
import type { EngineStamp } from '../snapshot/manifest.ts';
import { type Hydration, hydrate } from '../versions/hydrate.ts';
import type { LoadedManifest } from '../versions/load-manifest.ts';
import { refuseOlder } from '../versions/refuse-older.ts';
import { RESCANNED, type Rescan, requireWhole, startRescan, warnOfDamage } from '../versions/rescan.ts';
import { applyDeltas, type Merged, nothingMerged } from './apply-deltas.ts';
import { withRefused } from './find-refused.ts';

export interface Applied {
  deltas: readonly ReadDelta[];
  plan: Merged;
  hydration: Hydration;
  engine: EngineStamp | null;
  records: number;
  /** Every file of the closed directory, compared with the base. */
  scanned: readonly ScannedFile[];
}

/**
 * A clean directory is compared with its digests while the engine already starts on it. If it turns out to be damaged,
 * nothing has been written yet: the directory is repaired, and everything is done once more.
 */
export async function mergeOntoBase(
  ports: Ports,
  directory: WorkingDirectory,
  base: LoadedManifest,
  deltas: readonly ReadDelta[],
): Promise<Applied> {
  const hydration = await hydrate(ports, directory, base);
  const isNew = hydration.from === 'cold' || hydration.from === 'repair';
  if (isNew) return applyOnto(ports, directory, base, deltas, hydration, RESCANNED);
  const rescan = await startRescan(directory, hydration.digests, ports.engine.writtenAtStart);
  try {
    return await applyOnto(ports, directory, base, deltas, hydration, rescan);
  } catch (error) {
    // Damage explains any failure: an engine that reads damaged files may report anything.
    if (await rescan.all) throw error;
  }
  warnOfDamage(ports.telemetry, directory);
  await directory.markDirty();
  const repaired = await hydrate(ports, directory, base);
  return applyOnto(ports, directory, base, deltas, repaired, RESCANNED);
}

async function applyOnto(
  ports: Ports,
  directory: WorkingDirectory,
  base: LoadedManifest,
  deltas: readonly ReadDelta[],
  hydration: Hydration,
  rescan: Rescan,
): Promise<Applied> {
  const { manifest } = base;
  const { collection } = manifest;
  if (deltas.every((delta) => operationsLeft(delta) === 0)) {
    await requireWhole(directory, rescan.all);
    const plan = nothingMerged();
    const scanned = [...hydration.digests.files].map(([path, digests]) => ({ path, digests, changed: [] }));
    return { deltas, plan, hydration, engine: manifest.engine, records: manifest.records, scanned };
  }
  const identity = await ports.engine.identify();
  refuseOlder(identity.version, base);
  await requireWhole(directory, rescan.first);
  const incomingBytes = deltas.reduce((sum, { bytes }) => sum + bytes, 0);
  const session = await ports.engine.open(directory, { incomingBytes });
  // An engine on damaged files may hang, or use any amount of memory, so its session is closed as soon as damage is
  // found.
  const watching = rescan.all.then((isWhole) => (isWhole ? undefined : session.close())).catch(() => {});
  let plan: Merged;
  try {
    plan = await applyDeltas(session, manifest, deltas, () => requireWhole(directory, rescan.all));
  } catch (error) {
    throw error instanceof EngineRejectedDataError ? await withRefused(error, session, deltas) : error;
  } finally {
    await watching;
    await session.close();
  }
  // Both only read, so they run at the same time.
  const inspecting = ports.engine.inspect(directory, collection);
  const [report, scanned] = await both(inspecting, scan(directory, hydration.digests));
  const records = manifest.records + plan.growth;
  if (report.records !== records) {
    throw new MergeVerificationError(
      `The closed files of "${collection}" hold ${report.records} records, not ${records}. Nothing was published; the merge is tried again.`,
    );
  }
  const engine = { name: identity.name, version: identity.version, migrations: report.migrations };
  return { deltas, plan, hydration, engine, records, scanned };
}
