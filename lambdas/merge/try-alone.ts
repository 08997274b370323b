/** The merge of a round that has a trial: it merges nothing but that delta, or sets it aside. */
import { MAX_ALONE_FAILURES, type Trial } from '../../statemachine/contract.ts';
import { InboxChangedError, ObjectNotFoundError, PreconditionFailedError } from '../errors/errors.ts';
import { type InboxObservation, OLDEST } from '../inbox/observe-inbox.ts';
import { type ReadDelta, readDeltas } from '../inbox/read-deltas.ts';
import { hashObject } from '../objects/hash-object.ts';
import type { Ports, WorkingDirectory } from '../ports.ts';
import type { InboxEntry } from '../protocol/plan.ts';
import { setAside } from '../snapshot/aside.ts';
import { hydrate } from '../versions/hydrate.ts';
import type { LoadedManifest } from '../versions/load-manifest.ts';
import { refuseOlder } from '../versions/refuse-older.ts';

/**
 * The delta of the trial: read, or, once it has failed often enough, as a rejected one.
 * @throws InboxChangedError (it is no longer the oldest pending one, or cannot be read: plan again)
 */
export async function readTrial(
  ports: Ports,
  collection: string,
  inbox: InboxObservation,
  trial: Trial,
  dimension: number,
): Promise<ReadDelta> {
  const [oldest] = await inbox.batchAfter(0, OLDEST);
  if (oldest?.deltaId !== trial.deltaId || oldest.etag !== trial.etag) throw changed(trial.deltaId);
  if (!isExhausted(trial)) {
    const [delta] = await readDeltas(ports, collection, [oldest], dimension, 0);
    if (delta === undefined) throw changed(trial.deltaId);
    return delta;
  }
  // The delta is not parsed: parsing may be what takes the function down.
  const { deltaId, failures, reason = 'unknown.' } = trial;
  const sha256 = await digestOf(ports, oldest);
  return { ...setAside({ collection, deltaId, sha256, failures, reason }), bytes: oldest.size };
}

/** Has the delta failed so often that it will not be merged any more? */
export function isExhausted(trial: Trial | null | undefined): boolean {
  return (trial?.failures ?? 0) >= MAX_ALONE_FAILURES;
}

/**
 * Does the engine work on this base without the delta? One record is written and deleted again. The directory is dirty
 * afterwards, and the record disappears when it is repaired or discarded.
 * @throws EngineUnavailableError, and whatever else an engine throws: then the delta is not to blame
 */
export async function proveEngine(ports: Ports, directory: WorkingDirectory, base: LoadedManifest): Promise<void> {
  const { collection, dimension, records } = base.manifest;
  await hydrate(ports, directory, base);
  refuseOlder((await ports.engine.identify()).version, base);
  const session = await ports.engine.open(directory);
  try {
    await session.useCollection(collection, base.manifest);
    const id = `probe-${ports.ids.ulid()}`;
    await session.upsert([{ id, embedding: new Array<number>(dimension).fill(1) }]);
    await session.remove([id]);
    await session.count();
  } finally {
    await session.close();
  }
  ports.telemetry.info('The engine works without the delta.', { collection, records });
}

async function digestOf(ports: Ports, entry: InboxEntry): Promise<string> {
  try {
    return await hashObject(ports, entry);
  } catch (error) {
    const isGone = error instanceof ObjectNotFoundError || error instanceof PreconditionFailedError;
    throw isGone ? changed(entry.deltaId, error) : error;
  }
}

function changed(deltaId: string, cause?: unknown): InboxChangedError {
  const message = `Delta "${deltaId}", which was to be merged alone, changed, vanished or is not the oldest. Plan again.`;
  return new InboxChangedError(message, { cause });
}
