/**
 * Makes a working directory of a Chroma directory that somebody else made: a verified copy, which holds exactly one
 * collection, under the name that it has here. The source is only read, and must be at rest.
 */
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { blameSource } from '../../errors/blame-source.ts';
import { DamagedSourceError, DiskFullError, EngineTooOldError } from '../../errors/errors.ts';
import type { WorkingDirectory } from '../../ports.ts';
import { systemCode, withRoom } from '../files/disk-errors.ts';
import { type ChosenCollection, fullName, shownName } from './choose.ts';
import { readMigrations } from './inspect.ts';
import { isolate } from './isolate.ts';
import { type LocatedEngine, locateEngine } from './locator.ts';
import { ChromaServer } from './server.ts';
import { restamp, type Survey, stampOf } from './survey.ts';

const ATTEMPTS = 2;
const TIMES = { startMs: 60_000, graceMs: 2_000 };

export interface ExtractRequest {
  source: string;
  /** What was found in it. */
  survey: Survey;
  /** One of those. */
  collection: ChosenCollection;
  /** Owned, and empty afterwards but for the copy. */
  directory: WorkingDirectory;
  /** Name that the collection gets. */
  name: string;
}

export interface Extracted {
  /** Names of the other collections of the source: they are not in the copy. */
  removed: string[];
  /** Files of the source that belong to no collection: they are not in the copy. */
  strangers: string[];
}

/**
 * @throws DamagedSourceError (the source changes, its vector index is damaged, or a server cannot use it), EngineTooOldError (made by a newer
 * Chroma), EngineUnavailableError (there is none that runs here), DiskFullError
 */
export async function extractCollection(request: ExtractRequest): Promise<Extracted> {
  const { source, survey, collection, directory, name } = request;
  const engine = await locateEngine();
  const isOlder = await refuseNewer(engine, survey, source);
  const others = survey.collections.filter((other) => fullName(other) !== fullName(collection));
  for (let attempt = 1; ; attempt++) {
    await directory.clear();
    await withRoom(directory.path, () => copy(source, directory.path, survey));
    try {
      await withRoom(directory.path, () =>
        isolate(engine, directory.path, { collection, others, name, isOlder }, TIMES),
      );
      return { removed: others.map(shownName), strangers: survey.strangers };
    } catch (error) {
      if (isOfThisMachine(error as Error)) throw error;
      // The same server has just run on an empty directory, so what it cannot do with this one, twice, lies in this one.
      if (attempt === ATTEMPTS) throw blameSource(source, directory.path, error as Error);
    }
  }
}

function isOfThisMachine(error: Error): boolean {
  return error instanceof DiskFullError || systemCode(error) !== undefined;
}

/**
 * By the migrations that our own server makes of nothing: one that knows fewer aborts at start, or damages what it opens.
 * @returns Does it know more?
 */
async function refuseNewer(engine: LocatedEngine, survey: Survey, source: string): Promise<boolean> {
  const empty = await mkdtemp(join(tmpdir(), 'chroma-empty-'));
  try {
    const server = await ChromaServer.start(engine, empty, TIMES);
    await server.stop();
    const ours = await readMigrations(empty);
    for (const [kind, level] of Object.entries(survey.migrations)) {
      if (level <= (ours[kind] ?? 0)) continue;
      throw new EngineTooOldError(
        `"${source}" was written by a newer Chroma: its migration "${kind}" is ${level}; the engine here, ` +
          `${engine.identity.name} ${engine.identity.version}, knows ${ours[kind] ?? 0}. Set CHROMA_BIN to that version or a newer one.`,
      );
    }
    return Object.entries(ours).some(([kind, level]) => level > (survey.migrations[kind] ?? 0));
  } finally {
    await rm(empty, { recursive: true, force: true });
  }
}

/** Nothing keeps others from writing meanwhile, so everything is looked at again afterwards. */
async function copy(source: string, target: string, survey: Survey): Promise<void> {
  for (const { path } of survey.files) {
    await mkdir(dirname(join(target, path)), { recursive: true });
    await copyFile(join(source, path), join(target, path), constants.COPYFILE_FICLONE);
    // It comes with the permissions of its source, which may have been read-only.
    await chmod(join(target, path), 0o644);
  }
  if (JSON.stringify(await restamp(source, survey)) === JSON.stringify(stampOf(survey))) return;
  throw new DamagedSourceError(
    `"${source}" changed while it was copied: something writes to it. Stop that, then import again.`,
  );
}
