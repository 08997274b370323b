/** Every choice of a simulated world comes from here: equal seeds give equal worlds. */
import { seededRandom } from '../support/seeded-random.ts';

export class Random {
  readonly next: () => number;

  constructor(seed: number) {
    this.next = seededRandom(seed);
    // Neighbouring seeds start alike.
    for (let n = 0; n < 4; n++) this.next();
  }

  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability;
  }

  /** Whole, both ends included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** Small values as likely as large ones, by order of magnitude. */
  logarithmic(from: number, to: number): number {
    return Math.round(from * (to / from) ** this.next());
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length - 1)] as T;
  }
}
