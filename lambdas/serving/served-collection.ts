/**
 * One collection as an endpoint serves it. Each question begins with a look at pointer and inbox, which concurrent
 * questions share, and is answered by a copy that reflects that look. Waiting deltas are applied to the current copy.
 * When a commit has landed, or when a write would have to come before those already applied, a new copy is made and
 * takes over, while questions in flight finish on the old one.
 */

import { both } from '../concurrency/both.ts';
import {
  CorruptObjectError,
  EngineRejectedDataError,
  EngineUnavailableError,
  InboxChangedError,
  MergeVerificationError,
  PointerMovedError,
} from '../errors/errors.ts';
import type { WaitingDelta } from '../log/waiting-delta.ts';
import { applyWaiting, continues, type Overlay } from '../merge/apply-waiting.ts';
import type { ApiServer, WorkingDirectory } from '../ports.ts';
import { METRICS } from '../protocol/metrics.ts';
import { liveBytes } from '../snapshot/manifest.ts';
import { hydrate } from '../versions/hydrate.ts';
import { Copy } from './copy.ts';
import { type Confirmation, type Look, looksAt, type ReadLevel } from './looks.ts';
import { RefusedLines } from './refused-lines.ts';
import { configure, openCopy, openShared, type ServingPorts, type Settings, type Target } from './target.ts';

/** What an answer reflects. */
export interface Reflected {
  /** `undefined`: nothing was ever written to the collection. */
  version: number | undefined;
  /** What waits on top of it, in order. The answer may show more, because a copy can advance during the question. */
  waiting: readonly WaitingDelta[];
  confirmation: Confirmation;
}

/** Failed attempts for one question, because something died or could not be read, ... */
const ATTEMPTS = 4;
/** ... and attempts that made progress: there was a newer version, or a line was found that the engine refuses. */
const MOVES = 20;

export class ServedCollection {
  readonly #ports: ServingPorts;
  readonly #shared: () => Promise<ApiServer>;
  readonly #look: () => Promise<Look>;
  #settings: Settings;
  #copy: Copy | undefined;
  readonly #copies = new Set<Copy>();
  /** Patched from version to version and never opened: servers work on copies of it. */
  #pristine: WorkingDirectory | undefined;
  /** Changes of the copy that serves run one at a time. */
  #line: Promise<unknown> = Promise.resolve();
  readonly #refused = new RefusedLines();
  #isClosed = false;

  constructor(ports: ServingPorts, settings: Settings, level: ReadLevel, shared: () => Promise<ApiServer>) {
    this.#ports = ports;
    this.#settings = settings;
    this.#shared = shared;
    this.#look = looksAt(ports, settings.collection, level);
  }

  /** Does it have a server of its own? */
  get isLarge(): boolean {
    return this.#pristine !== undefined;
  }

  /**
   * Ask a copy that reflects everything acknowledged before the call. If its server dies of the question or during it,
   * the question is asked again.
   * @throws EngineUnavailableError, and what store, table and disk throw
   */
  async ask<Answer>(question: (target: Target) => Promise<Answer>): Promise<Answer & { reflected: Reflected }> {
    for (let attempts = 0, moves = 0; ; ) {
      try {
        return await this.#askOnce(question);
      } catch (error) {
        if (leadsOn(error)) moves++;
        else attempts++;
        const isPassing = leadsOn(error) || mayPass(error);
        if (!isPassing || attempts >= ATTEMPTS || moves >= MOVES || this.#isClosed) throw error;
      }
    }
  }

  async #askOnce<Answer>(question: (target: Target) => Promise<Answer>): Promise<Answer & { reflected: Reflected }> {
    const { clock, telemetry } = this.#ports;
    const began = clock.monotonic();
    const look = await this.#look();
    // Held inside the line, where no other change can replace the copy first.
    const copy = await this.#inLine(async () => (await this.#advance(look)).hold());
    const { collection } = this.#settings;
    const reflected = { version: copy.version, waiting: copy.overlay.deltas };
    telemetry.metric(METRICS.endpointWaiting, reflected.waiting.length, { collection });
    // True only if this very look changed the copy.
    if (copy.turn === look.turn)
      telemetry.metric(METRICS.endpointVisibleAfter, clock.monotonic() - began, { collection });
    const [answer, confirmation] = await both(copy.lend(question), look.confirmed);
    return { ...answer, reflected: { ...reflected, confirmation } };
  }

  /** Settings that were changed through the directory apply to the current copy from now on, and to all later ones. */
  async configure(settings: Settings): Promise<void> {
    if (settings.configuration === this.#settings.configuration) return;
    // A copy that is being made still has the old settings, so this waits until it is done.
    await this.#inLine(async () => {
      this.#settings = settings;
      const copy = this.#copy;
      if (copy === undefined) return;
      try {
        await copy.hold().lend((target) => configure(this.#ports, target, settings));
      } catch (error) {
        const { collection } = settings;
        this.#ports.telemetry.warn('A copy did not take its settings; the next one has them.', {
          collection,
          reason: String(error),
        });
        this.#retire(copy);
      }
    });
  }

  /** Wait for questions in flight, and release everything. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#line;
    this.#retire(this.#copy);
    this.#copy = undefined;
    await Promise.all([...this.#copies].map((copy) => copy.gone));
    await this.#pristine?.release();
    this.#pristine = undefined;
  }

  #inLine<Result>(task: () => Promise<Result>): Promise<Result> {
    const done = this.#line.then(task);
    this.#line = done.catch(() => {});
    return done;
  }

  /** A copy changes by confirmed looks only: an unconfirmed one may lack deltas that a commit took out of the inbox. */
  async #advance(look: Look): Promise<Copy> {
    if (this.#isClosed) throw closed(this.#settings.collection);
    const copy = this.#copy;
    if (copy?.isAlive && copy.turn >= look.turn) return copy;
    const isSame = copy?.isAlive && copy.commitId === look.current?.manifest.commitId;
    if (copy !== undefined && isSame && continues(copy.overlay, look.waiting)) {
      if (look.waiting.length === copy.overlay.deltas.length) return copy;
      await look.confirmed;
      await this.#apply(copy, look, copy.overlay);
      return copy;
    }
    await look.confirmed;
    // A dead copy answers nobody, so it is closed first to make room.
    if (copy !== undefined && !copy.isAlive) this.#retire(copy);
    return this.#replace(look);
  }

  async #replace(look: Look): Promise<Copy> {
    const last = this.#copy;
    const next = new Copy(await this.#open(look), look);
    this.#copies.add(next);
    next.gone.then(() => this.#copies.delete(next));
    await this.#apply(next, look, undefined);
    this.#copy = next;
    this.#retire(last);
    return next;
  }

  async #open({ current }: Look): Promise<Target> {
    const { collection } = this.#settings;
    if (current === undefined || current.manifest.files.length === 0) {
      const name = `s-${this.#ports.ids.ulid()}`;
      return openShared(await this.#shared(), this.#settings, name, current?.manifest);
    }
    const { clock, directories, telemetry } = this.#ports;
    const began = clock.monotonic();
    const bytes = liveBytes(current.manifest.files);
    const isKnown = this.#pristine !== undefined;
    if (!isKnown) telemetry.info('A collection is being opened.', { collection, ...facts(current), bytes });
    this.#pristine ??= await directories.claim(collection, bytes);
    const { from, storeBytes } = await hydrate(this.#ports, this.#pristine, current, { rescan: !isKnown });
    const target = await openCopy(this.#ports, current, this.#pristine, this.#settings);
    const took = { ms: Math.round(clock.monotonic() - began), from, storeBytes };
    if (!isKnown) telemetry.metric(METRICS.endpointColdOpen, took.ms, { collection });
    telemetry.info(isKnown ? 'The next version serves.' : 'A collection was opened.', {
      collection,
      ...facts(current),
      ...took,
    });
    return target;
  }

  /** If this fails, the copy can no longer be used. */
  async #apply(copy: Copy, { current, waiting, turn }: Look, overlay: Overlay | undefined): Promise<void> {
    try {
      if (current !== undefined && waiting.length > copy.overlay.deltas.length) {
        const options = { overlay, refused: this.#refused.among(waiting) };
        copy.overlay = await applyWaiting(this.#ports, copy.target.session, current, waiting, options);
      }
      copy.turn = turn;
    } catch (error) {
      // Before the next one in the line runs, which would otherwise search for the same lines again.
      if (error instanceof EngineRejectedDataError) this.#refused.add(error.refused);
      this.#retire(copy);
      throw error;
    }
  }

  #retire(copy: Copy | undefined): void {
    copy?.retire();
    if (this.#copy === copy) this.#copy = undefined;
  }
}

/** Does the error make the next attempt differ from this one? */
function leadsOn(error: unknown): boolean {
  return error instanceof PointerMovedError || (error instanceof EngineRejectedDataError && error.refused.length > 0);
}

/** Might another look, or another copy, succeed? */
function mayPass(error: unknown): boolean {
  return (
    error instanceof EngineUnavailableError ||
    error instanceof InboxChangedError ||
    error instanceof CorruptObjectError ||
    error instanceof MergeVerificationError
  );
}

function facts({ manifest }: NonNullable<Look['current']>) {
  return { version: manifest.version, records: manifest.records };
}

function closed(collection: string): EngineUnavailableError {
  return new EngineUnavailableError(`"${collection}" is being closed. Send the request again.`);
}
