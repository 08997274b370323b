/** Damage of a delta in the inbox: its own trouble, seen by its producer, and nobody else's. */
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { KeyCollisionError } from '../../lambdas/errors/errors.ts';
import { findStatus } from '../../lambdas/producer/put-delta.ts';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';
import { compressDelta } from '../../lambdas/snapshot/compressed-delta.ts';
import { encodeLines, parseDelta } from '../../lambdas/snapshot/delta.ts';
import { deltaKey, inboxPrefix } from '../../lambdas/snapshot/keys.ts';
import type { Operation } from '../../lambdas/snapshot/operation.ts';
import { Random } from '../simulation/random.ts';
import { COLLECTION, createCollection, DIMENSION, memoryPorts, submit } from '../support/memory-ports.ts';
import { run } from '../support/run-machine.ts';
import { DAMAGES, damaged } from './damage.ts';
import { listKeys, read, replaceObject, upserts } from './world.ts';

const CASES = Number(process.env.COMPACTOR_CASES ?? 30);
const VICTIM = 'victim';
const FORMS: Array<[form: string, encode: (operations: Operation[]) => Uint8Array]> = [
  ['text', encodeLines],
  ['zstd', (operations) => compressDelta(encodeLines(operations))],
  ['gzip', (operations) => gzipSync(encodeLines(operations))],
];
const CASES_BY_FORM = DAMAGES.flatMap((how) => FORMS.map(([form, encode]) => ({ how, form, encode })));
/** Of each delta: enough of them to be compressed. */
const RECORDS = 20;

test.each(CASES_BY_FORM)(
  'a waiting delta ($form) that suffers from $how costs no other delta anything, and its producer is told',
  async ({ how, encode }) => {
    for (let seed = 0; seed < CASES; seed++) {
      const random = new Random(seed);
      const ports = memoryPorts({ seed });
      await createCollection(ports);
      const others = ['before', 'zafter'];
      for (const id of others) await submit(ports, id, encode(upserts(id, RECORDS)));
      const sent = await submit(ports, VICTIM, encode(upserts('v', RECORDS)));
      const key = deltaKey(COLLECTION, VICTIM);
      const { body } = await ports.store.get(key);
      const other = (await ports.store.get(deltaKey(COLLECTION, 'before'))).body;
      const wrong = damaged(how, body, other, random);
      await replaceObject(ports.store, key, wrong);

      const { status, error } = await run(ports, { collection: COLLECTION });

      expect({ status, error }, `seed ${seed}`).toEqual({ status: 'SUCCEEDED', error: undefined });
      const records = await read(ports);
      for (const id of others) {
        expect(await findStatus(ports, COLLECTION, id), `seed ${seed}`).toMatchObject({
          outcome: 'applied',
          rejectedOperations: 0,
        });
        for (let n = 0; n < RECORDS; n++) expect(records.get(`${id}-${n}`)?.embedding?.[0], `seed ${seed}`).toBe(n);
      }
      // Nothing but what its lines still say came of it.
      const named = new Set(parseDelta(wrong, DIMENSION).operations.map(({ id }) => id));
      const strangers = [...records.keys()].filter((id) => !/^(before|zafter)-/.test(id) && !named.has(id));
      expect(strangers, `seed ${seed}`).toEqual([]);
      // The status is that of the bytes that were there, so the producer knows that they are not its own.
      expect((await findStatus(ports, COLLECTION, VICTIM))?.sha256, `seed ${seed}`).toBe(sha256(wrong));
      await expect(findStatus(ports, COLLECTION, VICTIM, sent.sha256)).rejects.toBeInstanceOf(KeyCollisionError);
      expect(await listKeys(ports.store, inboxPrefix(COLLECTION)), `seed ${seed}`).toEqual([]);
    }
  },
);

test.each(DAMAGES)(
  'a delta that suffers from %s after it was applied is reported, and not applied again',
  async (how) => {
    for (let seed = 0; seed < CASES; seed++) {
      const ports = memoryPorts({ seed });
      await createCollection(ports);
      await submit(ports, VICTIM, upserts('v', 5));
      await submit(ports, 'other', upserts('o', 5));
      const key = deltaKey(COLLECTION, VICTIM);
      const wrong = damaged(
        how,
        (await ports.store.get(key)).body,
        (await ports.store.get(deltaKey(COLLECTION, 'other'))).body,
        new Random(seed),
      );
      const wrap = {
        // Between the swap and the settling, the only time at which a decided delta lies in the inbox.
        SyncEfs: (real: (input: unknown) => Promise<unknown>) => async (input: unknown) => {
          await replaceObject(ports.store, key, wrong);
          return real(input);
        },
      };

      const { status } = await run(ports, { collection: COLLECTION }, { wrap });

      expect(status, `seed ${seed}`).toBe('SUCCEEDED');
      expect(await listKeys(ports.store, 'rejected/'), `seed ${seed}`).toEqual([
        `rejected/${COLLECTION}/${VICTIM}~${sha256(wrong)}.json`,
      ]);
      expect(await listKeys(ports.store, inboxPrefix(COLLECTION)), `seed ${seed}`).toEqual([]);
      expect((await read(ports)).size, `seed ${seed}`).toBe(10);
    }
  },
);
