import type { Announcer, Refusal } from '../ports.ts';

/** For stacks that have no event bus. */
export class SilentAnnouncer implements Announcer {
  async announce(): Promise<Refusal[]> {
    return [];
  }
}
