/**
 * Turns a foreign Chroma directory into a working directory: a verified copy with exactly one collection, renamed. The
 * source is only read, and must be at rest.
 */
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { blameSource } from '../../errors/blame-source.ts';
import { ENGINE_ADVICE } from '../../errors/engine-advice.ts';
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
  /** The survey of the source. */
  survey: Survey;
  /** One of the surveyed collections. */
  collection: ChosenCollection;
  /** Owned by the caller; afterwards it holds nothing but the copy. */
  directory: WorkingDirectory;
  /** New name of the collection. */
  name: string;
}

export interface Extracted {
  /** Names of the source's other collections, which are not copied. */
  removed: string[];
  /** Files of the source that belong to no collection, which are not copied. */
  strangers: string[];
}

/**
 * @throws DamagedSourceError (the source changes, its vector index is damaged, or a server cannot use it),
 * EngineTooOldError (made by a newer Chroma), EngineUnavailableError (no engine runs here), DiskFullError
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
      // The same server has just run on an empty directory, so if it fails twice on this one, the directory is at
      // fault.
      if (attempt === ATTEMPTS) throw blameSource(source, directory.path, error as Error);
    }
  }
}

function isOfThisMachine(error: Error): boolean {
  return error instanceof DiskFullError || systemCode(error) !== undefined;
}

/**
 * Compared with the migrations that our own server applies to an empty directory: one that knows fewer aborts at start,
 * or damages what it opens.
 * @returns whether the source has more
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
          `${engine.identity.name} ${engine.identity.version}, knows ${ours[kind] ?? 0}. ` +
          `Set CHROMA_BIN to that version or a newer one: ${ENGINE_ADVICE}`,
      );
    }
    return Object.entries(ours).some(([kind, level]) => level > (survey.migrations[kind] ?? 0));
  } finally {
    await rm(empty, { recursive: true, force: true });
  }
}

/** Nothing prevents others from writing meanwhile, so everything is checked again afterwards. */
async function copy(source: string, target: string, survey: Survey): Promise<void> {
  for (const { path } of survey.files) {
    await mkdir(dirname(join(target, path)), { recursive: true });
    await copyFile(join(source, path), join(target, path), constants.COPYFILE_FICLONE);
    // The copy has the permissions of its source, which may be read-only.
    await chmod(join(target, path), 0o644);
  }
  if (JSON.stringify(await restamp(source, survey)) === JSON.stringify(stampOf(survey))) return;
  throw new DamagedSourceError(
    `"${source}" changed while it was copied: something writes to it. Stop that, then import again.`,
  );
}
