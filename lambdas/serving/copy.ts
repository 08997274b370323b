/** One version as it is served, with what was applied on top of it. It lives until its last question is answered. */
import type { Overlay } from '../merge/apply-waiting.ts';
import type { Look } from './looks.ts';
import type { Target } from './target.ts';

export class Copy {
  readonly target: Target;
  /** `undefined`: nothing was ever written to the collection. */
  readonly version: number | undefined;
  readonly commitId: string | undefined;
  /** Resolves once nothing of it remains. */
  readonly gone: Promise<void>;
  overlay: Overlay;
  /** Turn of the newest look that was applied: the copy reflects that look and all earlier ones. */
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

  /** Keep it, even if another copy replaces it meanwhile, until a task that it is lent to has ended. */
  hold(): this {
    this.#users++;
    return this;
  }

  /** Only for callers that hold it. */
  async lend<Result>(task: (target: Target) => Promise<Result>): Promise<Result> {
    try {
      return await task(this.target);
    } finally {
      this.#users--;
      this.#dropIfUnused();
    }
  }

  /** It is closed with its last user, or now if there is none. */
  retire(): void {
    if (this.#isRetired) return;
    this.#isRetired = true;
    this.#dropIfUnused();
  }

  #dropIfUnused(): void {
    if (!this.#isRetired || this.#users > 0) return;
    // If closing the target fails, it counts as closed all the same: nothing here could be done about it.
    this.target.close().then(this.#onGone, this.#onGone);
  }
}
