/**
 * Removes dead data from a merged directory before it is sealed. If no record is left, everything is removed; otherwise
 * a vacuum runs if one was requested, or if there is too much dead data (ADR 45).
 */

import { scan } from '../commit/scan.ts';
import { MergeVerificationError } from '../errors/errors.ts';
import type { Ports, WorkingDirectory } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';
import { adviseVacuum, type Waste } from '../protocol/vacuum.ts';
import type { LoadedManifest } from '../versions/load-manifest.ts';
import { refuseOlder } from '../versions/refuse-older.ts';
import { digestRecords, type RecordsDigest } from './digest-records.ts';
import type { Applied } from './merge-onto-base.ts';

export interface VacuumRequest {
  /** A vacuum was requested, and is made however little it gains. */
  isAsked: boolean;
  /** May one be made without being requested? */
  isAllowed: boolean;
}

export type Renewed = Pick<Applied, 'scanned' | 'engine'> & { vacuumed: boolean };

/**
 * @returns what is to be sealed. If this throws, the directory must be repaired or discarded.
 * @throws MergeVerificationError (the vacuumed files hold other records), DirtyDirectoryError, EngineTooOldError,
 * EngineUnavailableError, EngineRunawayError
 */
export async function renew(
  ports: Ports,
  directory: WorkingDirectory,
  base: LoadedManifest,
  applied: Applied,
  { isAsked, isAllowed }: VacuumRequest,
): Promise<Renewed> {
  const { collection } = base.manifest;
  const { scanned, engine, records } = applied;
  if (scanned.length === 0) return { scanned, engine, vacuumed: isAsked };
  if (records === 0 && (await ports.engine.isAsNew(directory, collection, base.manifest))) {
    await directory.clear();
    ports.telemetry.info('Emptied.', { collection, bytesBefore: sizeOf(scanned) });
    return { scanned: [], engine: null, vacuumed: isAsked };
  }
  if (isAsked || (isAllowed && (await isDue(ports, directory, collection, scanned)))) {
    return { ...(await vacuum(ports, directory, base, applied)), vacuumed: true };
  }
  return { scanned, engine, vacuumed: false };
}

async function isDue(
  ports: Ports,
  directory: WorkingDirectory,
  collection: string,
  scanned: Applied['scanned'],
): Promise<boolean> {
  let waste: Waste;
  try {
    waste = await ports.engine.measureWaste(directory, collection);
  } catch (error) {
    // Measuring only reads, so the merged directory is still good.
    ports.telemetry.warn('What is of no use in a snapshot cannot be measured.', { collection, reason: String(error) });
    return false;
  }
  const bytes = Math.max(waste.databaseBytes, sizeOf(scanned));
  const advice = adviseVacuum(waste, bytes);
  if (advice !== 'too-large') return advice === 'vacuum';
  ports.telemetry.metric(METRICS.vacuumAdvised, 1, { collection });
  ports.telemetry.warn(`Much of the snapshot is of no use to anybody. Run: compactor vacuum ${collection}.`, {
    ...{ collection, bytes, ...waste },
  });
  return false;
}

async function vacuum(ports: Ports, directory: WorkingDirectory, base: LoadedManifest, applied: Applied) {
  const { scanned, records, hydration } = applied;
  const { collection } = base.manifest;
  const { name, version } = await ports.engine.identify();
  refuseOlder(version, base);
  const before = await digestOf(ports, directory, base);
  await ports.engine.vacuum(directory, collection, base.manifest);
  const after = await digestOf(ports, directory, base);
  const report = await ports.engine.inspect(directory, collection, { thorough: true });
  const isSame = after.sha256 === before.sha256 && after.records === before.records;
  if (!isSame || before.records !== records || report.records !== records) {
    throw new MergeVerificationError(
      `After a vacuum the files of "${collection}" do not hold what they held: ${after.records} records, and ` +
        `${report.records} by the database, of ${records}. Nothing was published; it is tried again.`,
    );
  }
  // Compared with the base, not with the merged files, which are not stored anywhere.
  const renewed = await scan(directory, hydration.digests);
  ports.telemetry.info('Vacuumed.', { collection, bytesBefore: sizeOf(scanned), bytesAfter: sizeOf(renewed) });
  return { scanned: renewed, engine: { name, version, migrations: report.migrations } };
}

function sizeOf(files: Applied['scanned']): number {
  return files.reduce((sum, { digests }) => sum + digests.size, 0);
}

async function digestOf(
  ports: Ports,
  directory: WorkingDirectory,
  { manifest }: LoadedManifest,
): Promise<RecordsDigest> {
  const session = await ports.engine.open(directory);
  try {
    await session.useCollection(manifest.collection, manifest);
    return await digestRecords(session);
  } finally {
    await session.close();
  }
}
