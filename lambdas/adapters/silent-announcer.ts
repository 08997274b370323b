import type { Announcer, Refusal } from '../ports.ts';

/** For stacks that announce nothing. */
export class SilentAnnouncer implements Announcer {
  async announce(): Promise<Refusal[]> {
    return [];
  }
}
