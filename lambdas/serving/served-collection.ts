/**
 * One collection as an endpoint serves it. Each question looks at pointer and inbox first, shares that look with others
 * who ask at the same time, and is answered by a copy that is up to date with it. What waits is applied to the copy at
 * hand; when a commit has landed, or a write comes before what was applied already, the next copy is made and takes over,
 * while questions in flight finish on theirs.
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
import { type Look, looksAt, type ReadLevel } from './looks.ts';
import { RefusedLines } from './refused-lines.ts';
import { configure, openCopy, openShared, type ServingPorts, type Settings, type Target } from './target.ts';

/** What an answer reflects. */
export interface Reflected {
  /** `undefined`: nothing was ever written. */
  version: number | undefined;
  /** What waits on top of it, in order; the answer to a question in flight may show more. */
  waiting: readonly WaitingDelta[];
}

/** Copies that came to nothing, because something died or could not be read, for one question; ... */
const ATTEMPTS = 4;
/** ... and such as led on: a newer version came meanwhile, or the line was found that the engine refuses. */
const MOVES = 20;

export class ServedCollection {
  readonly #ports: ServingPorts;
  readonly #shared: () => Promise<ApiServer>;
  readonly #look: () => Promise<Look>;
  #settings: Settings;
  #copy: Copy | undefined;
  readonly #copies = new Set<Copy>();
  /** Patched from version to version, and never opened: copies are made of it. */
  #pristine: WorkingDirectory | undefined;
  /** One change of what serves at a time. */
  #line: Promise<unknown> = Promise.resolve();
  readonly #refused = new RefusedLines();
  #isClosed = false;

  constructor(ports: ServingPorts, settings: Settings, level: ReadLevel, shared: () => Promise<ApiServer>) {
    this.#ports = ports;
    this.#settings = settings;
    this.#shared = shared;
    this.#look = looksAt(ports, settings.collection, level);
  }

  /** Has it a server of its own? */
  get isLarge(): boolean {
    return this.#pristine !== undefined;
  }

  /**
   * Ask something of a copy that reflects all that was acknowledged before the call; once more if its server dies of it,
   * or meanwhile.
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
    // Held while it is sure to be the one at hand.
    const copy = await this.#inLine(async () => (await this.#advance(look)).hold());
    const { collection } = this.#settings;
    const reflected = { version: copy.version, waiting: copy.overlay.deltas };
    telemetry.metric(METRICS.endpointWaiting, reflected.waiting.length, { collection });
    // Changed by this very look.
    if (copy.turn === look.turn)
      telemetry.metric(METRICS.endpointVisibleAfter, clock.monotonic() - began, { collection });
    const [answer] = await both(copy.lend(question), look.confirmed);
    return { ...answer, reflected };
  }

  /** Settings that were changed by name hold from now on for the copy at hand, and for all later ones. */
  async configure(settings: Settings): Promise<void> {
    if (settings.configuration === this.#settings.configuration) return;
    // A copy that is being made has those of before.
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

  /** Wait for questions in flight, and give everything back. */
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

  /** A copy changes by confirmed looks only: another may miss what a commit took out of the inbox. */
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
    // What is dead answers nobody: it makes room first.
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
      const name = `s-${this.#ports.ids.commitId()}`;
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

  /** What fails leaves a copy that is of no more use. */
  async #apply(copy: Copy, { current, waiting, turn }: Look, overlay: Overlay | undefined): Promise<void> {
    try {
      if (current !== undefined && waiting.length > copy.overlay.deltas.length) {
        const options = { overlay, refused: this.#refused.among(waiting) };
        copy.overlay = await applyWaiting(this.#ports, copy.target.session, current, waiting, options);
      }
      copy.turn = turn;
    } catch (error) {
      // Before whoever is next in the line: it would look for them once more.
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

/** The next attempt is another one. */
function leadsOn(error: unknown): boolean {
  return error instanceof PointerMovedError || (error instanceof EngineRejectedDataError && error.refused.length > 0);
}

/** Another look, or another copy, may do. */
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
