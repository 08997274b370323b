/** A store is tried before a collection is made on it: one that ignores a condition is refused, by name. */
import { hash } from 'node:crypto';
import { buildApp } from 'fauxqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openStore } from '../../lambdas/adapters/store/open-store.ts';
import { StoreUnavailableError, UnsafeStoreError } from '../../lambdas/errors/errors.ts';
import type { ObjectStore } from '../../lambdas/ports.ts';
import { probeStore } from '../../lambdas/upkeep/probe-store.ts';
import { type Fault, faulty, throws } from '../support/faulty.ts';
import { COLLECTION, createCollection, type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { type S3Server, startS3Server, TEST_BUCKET } from '../support/s3-server.ts';

const isProbe = (key: string) => key.startsWith('probes/');
const probesLeft = (ports: MemoryPorts) => [...ports.store.snapshot().keys()].filter(isProbe);

/** A store as it is, but for one kind of request. */
function bent(methods: (real: ObjectStore) => Partial<ObjectStore>): MemoryPorts {
  const ports = memoryPorts();
  const { store } = ports;
  const bend = methods(store);
  const get = (_: object, name: string) => {
    const own = bend[name as keyof ObjectStore];
    const value = own ?? Reflect.get(store, name, store);
    return typeof value === 'function' ? value.bind(store) : value;
  };
  return { ...ports, store: new Proxy(store, { get }) as typeof store };
}

/** Writes whatever is there: without a condition. */
async function overwrite(store: ObjectStore, key: string, body: Uint8Array): Promise<{ etag: string }> {
  await store.delete(key);
  return store.putIfAbsent(key, body);
}

describe('create', () => {
  it('tries a store that keeps every condition, and leaves nothing of that behind', async () => {
    const ports = memoryPorts();

    await createCollection(ports);

    expect([...ports.store.snapshot().keys()].map((key) => key.split('/')[0])).toEqual(['manifests', 'pointers']);
  });

  it.each<[string, RegExp, (real: ObjectStore) => Partial<ObjectStore>]>([
    [
      'If-None-Match on PUT',
      /PUT with "If-None-Match: \*" on an object that is there is done anyway/,
      (real) => ({ putIfAbsent: (key, body) => overwrite(real, key, body as Uint8Array) }),
    ],
    [
      'If-Match on PUT',
      /PUT with "If-Match" of another ETag is done.*PUT with "If-Match" of a former ETag is done/,
      (real) => ({ putIfMatch: (key, body) => overwrite(real, key, body) }),
    ],
    [
      'If-Match on DELETE',
      /DELETE with "If-Match" of a former ETag is done anyway/,
      (real) => ({ deleteIfMatch: (key) => real.delete(key) }),
    ],
    [
      'only whether there is an object, not which',
      /PUT with "If-Match" of another ETag is done/,
      (real) => ({ putIfMatch: async (key, body) => real.putIfMatch(key, body, (await real.head(key)).etag) }),
    ],
    [
      'that an object must be there',
      /PUT with "If-Match" on an absent key is done/,
      (real) => ({
        putIfMatch: async (key, body, etag) =>
          key.endsWith('-absent') ? overwrite(real, key, body) : real.putIfMatch(key, body, etag),
      }),
    ],
    [
      'atomicity: it looks, and writes then',
      /8 of 8 racing PUTs with "If-None-Match: \*" are done/,
      (real) => ({
        putIfAbsent: async (key, body) => {
          const isThere = await real.head(key).then(
            () => true,
            () => false,
          );
          const written = real.putIfAbsent(key, body);
          // To whoever looked in time, it is done.
          return isThere ? written : written.catch(() => real.head(key));
        },
      }),
    ],
    [
      'the ETag that it gave',
      /PUT with "If-Match" of the ETag that is there is refused/,
      (real) => ({ putIfMatch: (key, body) => real.putIfMatch(key, body, '"none"') }),
    ],
  ])('refuses a store that ignores %s, and creates nothing', async (_, said, methods) => {
    const ports = bent(methods);

    const creating = createCollection(ports);

    await expect(creating).rejects.toThrow(UnsafeStoreError);
    await expect(creating).rejects.toThrow(said);
    expect([...ports.store.snapshot().keys()]).toEqual([]);
  });

  it('asks nothing of the store for a collection that exists', async () => {
    const ports = memoryPorts();
    await createCollection(ports);
    const keys: string[] = [];

    await createCollection(faulty(ports, [{ on: '*', before: ({ args }) => keys.push(String(args[0])) }]));

    expect(keys.filter(isProbe)).toEqual([]);
    expect(keys).toContain(`pointers/${COLLECTION}.json`);
  });

  it.each<[string, Fault]>([
    ['loses a request', { on: 'store.putIfMatch', times: 1, before: throws(new StoreUnavailableError('lost')) }],
    ['loses a response', { on: 'store.putIfAbsent', times: 1, after: throws(new StoreUnavailableError('lost')) }],
    ['cannot tidy up', { on: 'store.delete', before: throws(new StoreUnavailableError('lost')) }],
  ])('does not blame a store that %s', async (_, fault) => {
    await probeStore(faulty(memoryPorts(), [fault]));
  });

  it('says that the store does not answer when it does not', async () => {
    const ports = memoryPorts();
    const down: Fault = { on: 'store.putIfMatch', before: throws(new StoreUnavailableError('down')) };

    await expect(createCollection(faulty(ports, [down]))).rejects.toThrow(StoreUnavailableError);

    expect(probesLeft(ports)).toEqual([]);
  });
});

describe('over the wire', () => {
  let whole: S3Server;
  /** As it comes: it knows no condition on a write. */
  const ignorant = buildApp({ logger: false });
  let endpoint: string;

  beforeAll(async () => {
    whole = await startS3Server();
    endpoint = await ignorant.listen({ host: '127.0.0.1', port: 0 });
    await fetch(`${endpoint}/${TEST_BUCKET}`, { method: 'PUT' });
  });
  afterAll(() => Promise.all([whole.close(), ignorant.close()]));

  const over = (server: string): MemoryPorts => {
    const url = `s3://${TEST_BUCKET}/${hash('sha256', server, 'hex')}`;
    const store = openStore(url, { config: { ...whole.config, endpoint: server } });
    return { ...memoryPorts(), store } as unknown as MemoryPorts;
  };

  it('a server that keeps conditions is taken', async () => {
    await probeStore(over(whole.endpoint));
  });

  it('a server of another make that ignores them is refused', async () => {
    const creating = createCollection(over(endpoint));

    await expect(creating).rejects.toThrow(UnsafeStoreError);
    await expect(creating).rejects.toThrow(
      /If-None-Match: \*.*"If-Match" of another ETag.*"If-Match" of a former ETag.*DELETE with "If-Match"/s,
    );
  });

  it('a server that does not implement them is refused', async () => {
    whole.failNext({ method: 'PUT', status: 501, code: 'NotImplemented' });
    await expect(probeStore(over(whole.endpoint))).rejects.toThrow(UnsafeStoreError);
  });
});
