/**
 * What a thousand requests to the endpoint cost, by the requests that it sends to S3 and DynamoDB: counted here, and shown
 * by docs/cost.md. How long the function runs depends on the network, and is an estimate there.
 */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { dollarsOf } from '../../bench/prices.ts';
import type { Ports } from '../../lambdas/ports.ts';
import { parseEndpointConfig } from '../../lambdas/runtime/endpoint-config.ts';
import { makeAnswerer } from '../../lambdas/runtime/function-url.ts';
import { type MemoryPorts, memoryPorts } from '../support/memory-ports.ts';
import { MemoryApiEngine } from '../support/model-api.ts';
import { run } from '../support/run-machine.ts';
import { urlEvent } from './url-events.ts';

const COLLECTIONS = '/api/v2/tenants/default_tenant/databases/default_database/collections';
/** Of the function, with the default memory. */
const GIB = 3_008 / 1_024;

type Counted = Record<'storeWrites' | 'storeReads' | 'tableReads', number>;

/** Ports that count what is sent through them. */
function counting(ports: MemoryPorts): { ports: Ports; counted: Counted } {
  const counted = { storeWrites: 0, storeReads: 0, tableReads: 0 };
  const paid = (name: string): keyof Counted | undefined =>
    ({
      get: 'storeReads',
      head: 'storeReads',
      list: 'storeWrites',
      putIfAbsent: 'storeWrites',
      putIfMatch: 'storeWrites',
    })[name] as keyof Counted | undefined;
  const watched = <Port extends object>(port: Port, kind: (name: string) => keyof Counted | undefined): Port =>
    new Proxy(port, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target);
        const counter = kind(String(name));
        if (typeof value !== 'function') return value;
        return (...given: unknown[]) => {
          if (counter !== undefined) counted[counter]++;
          return value.apply(target, given);
        };
      },
    });
  const statuses = watched(ports.statuses, () => 'tableReads');
  return { ports: { ...ports, store: watched(ports.store, paid), statuses }, counted };
}

function prepare() {
  const memory = memoryPorts();
  const { ports, counted } = counting(memory);
  const open = () => {
    const { answer } = makeAnswerer({ ...ports }, { config: parseEndpointConfig({}), api: new MemoryApiEngine() });
    return async (method: string, path: string, body?: object) => {
      Object.assign(counted, { storeWrites: 0, storeReads: 0, tableReads: 0 });
      const { statusCode, body: text } = await answer(urlEvent({ method, path, body: body && JSON.stringify(body) }));
      expect(statusCode, text).toBeLessThan(300);
      return { text, sent: { ...counted } };
    };
  };
  return { memory, open };
}

const row = (id: string) => ({ ids: [id], embeddings: [[1, 2, 3, 4]] });

/** Of each kind of request, in a warm container with the collection open unless it says otherwise. */
async function countRequests(): Promise<Record<string, Counted>> {
  const { memory, open } = prepare();
  const ask = open();
  const { text } = await ask('POST', COLLECTIONS, { name: 'pets' });
  const { id } = JSON.parse(text) as { id: string };
  const pets = `${COLLECTIONS}/${id}`;
  await ask('POST', `${pets}/add`, row('one'));
  const add = await ask('POST', `${pets}/add`, row('two'));
  let stored = '';
  for await (const page of memory.store.list('deltas/')) stored = page[0]?.key.split('/')[1] ?? '';
  await run(memory, { collection: stored });
  await ask('POST', `${pets}/get`, {});
  const read = await ask('POST', `${pets}/get`, {});
  await ask('POST', `${pets}/add`, row('three'));
  const fresh = await ask('POST', `${pets}/get`, {});
  const again = await ask('POST', `${pets}/get`, {});
  const byName = await ask('GET', `${COLLECTIONS}/pets`);
  const cold = await open()('POST', `${pets}/get`, {});
  return {
    'read, nothing waiting': read.sent,
    'read, after a write': fresh.sent,
    'read, with what waits applied already': again.sent,
    'find a collection by its name': byName.sent,
    'add, update, upsert, delete by ids': add.sent,
    'read in a container that has just started': cold.sent,
  };
}

it('is what docs/cost.md says', async () => {
  const page = readFileSync(new URL('../../docs/cost.md', import.meta.url), 'utf8');

  const rows = Object.entries(await countRequests()).map(([what, sent]) => {
    const { storeWrites, storeReads, tableReads } = sent;
    const seconds = what.includes('just started') ? 3 : what.startsWith('add') ? 0.15 : 0.1;
    const lambda = dollarsOf({ lambdaRequests: 1_000, lambdaGbSeconds: 1_000 * seconds * GIB });
    const services = dollarsOf({
      storeWrites: 1_000 * storeWrites,
      storeReads: 1_000 * storeReads,
      tableReads: 1_000 * tableReads,
    });
    const dollars = [services, lambda, services + lambda].map((usd) => `$${usd.toFixed(4)}`);
    return `| ${[what, storeWrites, storeReads, tableReads, dollars[0], `${seconds} s, ${dollars[1]}`, dollars[2]].join(' | ')} |`;
  });

  for (const line of rows) expect(page).toContain(line);
});
