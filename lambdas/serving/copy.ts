/** One version as it is served, and what was applied on top of it: until the last question to it is answered. */
import type { Overlay } from '../merge/apply-waiting.ts';
import type { Look } from './looks.ts';
import type { Target } from './target.ts';

export class Copy {
  readonly target: Target;
  /** `undefined`: nothing was ever written. */
  readonly version: number | undefined;
  readonly commitId: string | undefined;
  /** Resolves once nothing is left of it. */
  readonly gone: Promise<void>;
  overlay: Overlay;
  /** Of the newest look that it was changed by: it reflects that one, and all before. */
  turn: number;
  readonly #onGone: () => void;
  #users = 0;
  #isRetired = false;

  constructor(target: Target, { current, turn }: Look) {
    this.target = target;
    this.version = current?.manifest.version;
    this.commitId = current?.manifest.commitId;
    this.overlay = { deltas: [], records: current?.manifest.records ?? 0 };
    this.turn = turn;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    this.#onGone = resolve;
  }

  get isAlive(): boolean {
    return this.target.server.isRunning && !this.#isRetired;
  }

  /** Keep it, whatever takes its place meanwhile, until a task that is lent it has ended. */
  hold(): this {
    this.#users++;
    return this;
  }

  /** To whoever holds it. */
  async lend<Result>(task: (target: Target) => Promise<Result>): Promise<Result> {
    try {
      return await task(this.target);
    } finally {
      this.#users--;
      this.#dropIfUnused();
    }
  }

  /** It goes with its last user; now, without any. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#dropIfUnused();
  }

  #dropIfUnused(): void {
    if (!this.#isRetired || this.#users > 0) return;
    // A target that cannot be closed well is closed all the same: that is its own matter.
    this.target.close().then(this.#onGone, this.#onGone);
  }
}
