/** The contract of `ObjectStore`, one suite for every adapter. */
import { afterAll, beforeAll, describe } from 'vitest';
import type { ObjectStore } from '../../lambdas/ports.ts';
import { describeConditions } from './object-store-conditions.ts';
import { describeContents } from './object-store-contents.ts';
import { describeListing } from './object-store-listing.ts';

export interface StoreUnderTest {
  /** A store that is empty and shared with nobody. */
  open(): ObjectStore;
  /** Another handle on the store opened last. */
  reopen(): ObjectStore;
  /** S3's ETag may be that of the content: two equal bodies may share one. */
  etagPerWrite: boolean;
  close(): Promise<void>;
}

export type Subject = () => StoreUnderTest;

export function describeObjectStore(name: string, start: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let running: StoreUnderTest | undefined;
    const subject: Subject = () => {
      if (running === undefined) throw new Error('The store under test has not started.');
      return running;
    };
    beforeAll(async () => {
      running = await start();
    });
    afterAll(() => running?.close());

    describeConditions(subject);
    describeContents(subject);
    describeListing(subject);
  });
}
