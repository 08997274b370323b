/**
 * Endpoints and their clients: processes that append and read by the product's own parts, with clocks minutes apart, that
 * die and are started again. A client hears an answer, or gives up after a while, and then knows nothing.
 */

import { EngineRejectedDataError, PointerMovedError, type RefusedLine } from '../../lambdas/errors/errors.ts';
import { LogWriter } from '../../lambdas/log/append.ts';
import { listWaiting } from '../../lambdas/log/read-log.ts';
import { shareNext } from '../../lambdas/log/share-next.ts';
import type { WaitingDelta } from '../../lambdas/log/waiting-delta.ts';
import { applyWaiting, continues, type Overlay } from '../../lambdas/merge/apply-waiting.ts';
import type { EngineSession, Ports, WorkingDirectory } from '../../lambdas/ports.ts';
import { hydrate } from '../../lambdas/versions/hydrate.ts';
import { type LoadedManifest, loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import type { View } from './log-truth.ts';
import { makeWrite } from './log-writes.ts';
import type { Process, World } from './world.ts';

const PATIENCE_MS = 120_000;
/** Looks at the inbox, or copies, until a read gives up. */
const ATTEMPTS = 6;
/** No fault of the world leads to these. */
const BROKEN = ['TypeError', 'RangeError', 'InvariantViolatedError', 'KeyCollisionError', 'StatusConflictError'];

interface Look {
  n: number;
  current: LoadedManifest;
  waiting: WaitingDelta[];
}

interface Copy {
  commitId: string;
  version: number;
  look: number;
  directory: WorkingDirectory;
  session: EngineSession;
  overlay: Overlay | undefined;
}

/** One life of an endpoint, for one collection. */
class Endpoint {
  readonly process: Process;
  readonly writer: LogWriter;
  readonly #ports: Ports;
  readonly #collection: string;
  readonly #look: () => Promise<Look>;
  #looks = 0;
  #current: LoadedManifest | undefined;
  #copy: Copy | undefined;
  #refused: RefusedLine[] = [];
  #turn: Promise<unknown> = Promise.resolve();

  constructor(process: Process, collection: string) {
    this.process = process;
    this.#ports = process.ports;
    this.#collection = collection;
    this.writer = new LogWriter(process.ports, collection);
    this.#look = shareNext(() => this.#lookOnce());
  }

  /** At the level of `index_and_wal`. */
  async read(): Promise<View> {
    for (let attempt = 1; ; attempt++) {
      const look = await this.#look();
      const mine = this.#turn.then(() => this.#serve(look));
      this.#turn = mine.catch(() => {});
      try {
        return await mine;
      } catch (error) {
        if (attempt >= ATTEMPTS) throw error;
        if (error instanceof EngineRejectedDataError) this.#refused = [...this.#refused, ...error.refused];
      }
    }
  }

  async #lookOnce(): Promise<Look> {
    for (let attempt = 1; ; attempt++) {
      this.#current ??= await this.#load();
      const current = this.#current;
      try {
        return { n: ++this.#looks, current, waiting: await listWaiting(this.#ports, this.#collection, current) };
      } catch (error) {
        this.#current = undefined;
        if (!(error instanceof PointerMovedError) || attempt >= ATTEMPTS) throw error;
      }
    }
  }

  async #load(): Promise<LoadedManifest> {
    const { pointer } = await readPointer(this.#ports, this.#collection);
    return loadManifest(this.#ports, pointer.manifest);
  }

  /** One at a time. A copy that has a later look already serves an earlier one as well. */
  async #serve({ n, current, waiting }: Look): Promise<View> {
    const { manifest } = current;
    let copy = this.#copy;
    if (copy === undefined || copy.look < n) {
      const isSame = copy?.commitId === manifest.commitId && continues(copy.overlay ?? { deltas: [] }, waiting);
      if (copy === undefined || !isSame) copy = await this.#renew(current);
      this.#copy = undefined;
      const { overlay, session } = copy;
      try {
        const options = { overlay, refused: this.#refused };
        copy = { ...copy, look: n, overlay: await applyWaiting(this.#ports, session, current, waiting, options) };
      } catch (error) {
        await session.close();
        await copy.directory.release();
        throw error;
      }
      this.#copy = copy;
    }
    const found = await copy.session.find({ include: ['embeddings', 'metadatas', 'documents'] });
    const deltas = copy.overlay?.deltas ?? [];
    return { version: copy.version, waiting: deltas, records: new Map(found.map((record) => [record.id, record])) };
  }

  async #renew(current: LoadedManifest): Promise<Copy> {
    await this.#copy?.session.close();
    await this.#copy?.directory.release();
    this.#copy = undefined;
    const { manifest } = current;
    const directory = await this.#ports.directories.claim(this.#collection);
    try {
      await hydrate(this.#ports, directory, current);
      const session = await this.#ports.engine.open(directory);
      await session.useCollection(this.#collection, manifest);
      const { commitId, version } = manifest;
      return { commitId, version, look: 0, directory, session, overlay: undefined };
    } catch (error) {
      await directory.release();
      throw error;
    }
  }
}

/** An endpoint that is started again whenever it has died, with clients that write and read for a while. */
export async function runEndpoint(
  world: World,
  who: string,
  collection: string,
  writes: readonly number[],
): Promise<void> {
  const { random } = world;
  let lives = 0;
  let current: Endpoint | undefined;
  const alive = (): Endpoint => {
    if (current === undefined || current.process.isDead()) {
      current = new Endpoint(world.process(`${who}.${++lives}`), collection);
    }
    return current;
  };
  const clients = random.int(1, 3);
  await Promise.all(
    Array.from({ length: clients }, (_, c) =>
      client(
        world,
        `${who}:${c}`,
        collection,
        alive,
        writes.filter((n) => n % clients === c),
      ),
    ),
  );
}

async function client(
  world: World,
  who: string,
  collection: string,
  alive: () => Endpoint,
  writes: readonly number[],
): Promise<void> {
  const { random, scheduler, oracle, counts } = world;
  const log = oracle.log(collection);
  for (const n of writes) {
    await scheduler.wait(random.next() * world.profile.paceMs);
    const endpoint = alive();
    const request = makeWrite(random, n);
    log.begun(n);
    scheduler.note(`${who} begins write ${n}: ${request.op}`);
    const appended = await answer(world, who, endpoint, endpoint.writer.append(request));
    if (appended !== undefined) {
      log.acknowledged(n);
      counts.logged++;
      scheduler.note(`${who} hears of write ${n}: number ${appended.number}`);
    }
    if (!random.chance(0.6)) continue;
    if (random.chance(0.5)) await scheduler.wait(random.next() * world.profile.latencyMs);
    const reader = alive();
    const floor = log.readBegun();
    const view = await answer(world, who, reader, reader.read());
    if (view === undefined) continue;
    counts.freshReads++;
    oracle.shown(collection, view, floor);
  }
}

/** `undefined`: the process died, the client gave up, or was told of a failure. */
async function answer<Result>(
  world: World,
  who: string,
  { process }: Endpoint,
  task: Promise<Result>,
): Promise<Result | undefined> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const cancel = world.scheduler.after(PATIENCE_MS, () => resolve(undefined));
  try {
    return await Promise.race([task, process.died, promise]);
  } catch (error) {
    const { name, message } = error as Error;
    world.scheduler.note(`${who} gets ${name}`);
    if (BROKEN.includes(name)) world.violate(`${who} gets ${name}: ${message}`);
    return undefined;
  } finally {
    cancel();
    task.catch(() => {});
  }
}
