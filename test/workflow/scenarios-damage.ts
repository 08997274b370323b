/** Damaged and foreign objects: every one is an error with a name, and nothing is changed. */

import { manifestsPrefix, packsPrefix, pointerKey } from '../../lambdas/snapshot/keys.ts';
import type { Fault } from '../support/faulty.ts';
import { MemoryEngine } from '../support/memory-engine.ts';
import { COLLECTION, type MemoryPorts } from '../support/memory-ports.ts';
import { MemoryTable } from '../support/memory-table.ts';
import type { Scenario } from './scenario.ts';
import { storeDown } from './scenarios-outages.ts';
import { fence, overwrite } from './support.ts';

const JUNK = Buffer.from('junk');

/** Damage the first object with this prefix, then put it back. Nothing is warm: the store is what is read. */
function damaging(prefix: string, how: (ports: MemoryPorts, key: string) => Promise<() => unknown>) {
  let undo: () => unknown = () => {};
  const damage = async (ports: MemoryPorts) => {
    ports.cache.forget();
    ports.directories.slots.length = 0;
    const key = [...ports.store.snapshot().keys()].findLast((candidate) => candidate.startsWith(prefix)) ?? '';
    undo = await how(ports, key);
  };
  return { damage, repair: () => undo() };
}

const junk = (ports: MemoryPorts, key: string) => overwrite(ports, key, JUNK);
const flipped = async (ports: MemoryPorts, key: string) => {
  const { body } = await ports.store.get(key);
  return overwrite(
    ports,
    key,
    body.map((byte, n) => (n === body.length >> 1 ? byte ^ 1 : byte)),
  );
};
const removed = async (ports: MemoryPorts, key: string) => {
  const { body } = await ports.store.get(key);
  await ports.store.delete(key);
  return () => ports.store.putIfAbsent(key, body);
};

interface Damage {
  what: string;
  prefix: string;
  how: (ports: MemoryPorts, key: string) => Promise<() => unknown>;
  ends: string;
  /** State in which it is found. */
  state: string;
}

const POINTER = pointerKey(COLLECTION);
const atRest: Damage[] = [
  { what: 'the pointer is junk', prefix: POINTER, how: junk, ends: 'CorruptObjectError', state: 'PlanCompaction' },
  {
    what: 'the pointer is missing',
    prefix: POINTER,
    how: removed,
    ends: 'PointerMissingError',
    state: 'PlanCompaction',
  },
  ...[
    { what: 'the manifest is junk', how: junk },
    { what: 'one byte of the manifest is wrong', how: flipped },
    { what: 'the manifest is missing', how: removed },
  ].map((damage) => ({
    ...{ ...damage, prefix: manifestsPrefix(COLLECTION) },
    ...{ ends: 'CorruptObjectError', state: 'PlanCompaction' },
  })),
  ...[
    { what: 'the pack is junk', how: junk },
    { what: 'one byte of the pack is wrong', how: flipped },
    { what: 'the pack is missing', how: removed },
  ].map((damage) => ({
    ...{ ...damage, prefix: packsPrefix(COLLECTION) },
    ...{ ends: 'CorruptObjectError', state: 'MergeDeltas' },
  })),
];

/** The pointer is damaged while the execution runs. */
const inFlight: Array<Fault & { in: string; route?: (ports: MemoryPorts) => Fault[] }> = [
  { on: 'store.get', in: 'ValidateCas' },
  { on: 'store.get', in: 'CheckBase' },
  { on: 'store.putIfMatch', in: 'SwapPointer' },
  { on: 'store.get', in: 'FinishCompaction' },
  {
    ...{ on: 'store.get', in: 'DiscardUpload' },
    route: (ports) => [{ on: 'store.putIfMatch', in: 'SwapPointer', times: 1, before: () => fence(ports) }],
  },
];

const others: Scenario[] = [
  {
    name: 'the store belongs to another table',
    prepare: (ports) => {
      ports.statuses = new MemoryTable('another-stack');
    },
    ends: 'ForeignStoreError',
    takes: ['PlanCompaction Retry InvalidInputError'],
    repair: (ports) => {
      ports.statuses = ports.table;
    },
  },
  {
    name: 'the collection was never created',
    input: { collection: 'never-created' },
    ends: 'CollectionNotFoundError',
    takes: ['PlanCompaction Retry InvalidInputError'],
  },
  {
    name: 'the snapshot was written by a newer engine',
    prepare: (ports) => {
      ports.engine = new MemoryEngine({ version: '0.9.9' });
    },
    ends: 'EngineTooOldError',
    takes: ['MergeDeltas Retry InvalidInputError', 'MergeDeltas Catch States.ALL'],
    repair: (ports) => {
      ports.engine = new MemoryEngine();
    },
  },
  ...[packsPrefix(COLLECTION), manifestsPrefix(COLLECTION)].map(
    (prefix): Scenario => ({
      name: `what we uploaded to ${prefix} is not what lies there`,
      faults: (ports) => [
        {
          ...{ on: 'store.putIfAbsent', in: 'UploadSnapshot' },
          when: ({ args }) => String(args[0]).startsWith(prefix),
          after: ({ args }) => overwrite(ports, args[0], JUNK),
        },
      ],
      ends: 'CorruptObjectError',
      takes: ['UploadSnapshot Retry InvalidInputError', 'UploadSnapshot Catch States.ALL'],
    }),
  ),
  {
    name: 'something else writes under the key of our pack',
    faults: () => [
      {
        ...{ on: 'store.putIfAbsent', in: 'UploadSnapshot', times: 1 },
        before: ({ args, target }) => target.putIfAbsent(args[0], JUNK),
      },
    ],
    ends: 'KeyCollisionError',
    takes: ['UploadSnapshot Retry InvalidInputError', 'UploadSnapshot Catch States.ALL'],
  },
  {
    name: 'something else writes under our key, and the store is silent when it is compared',
    faults: () => [
      {
        on: 'store.putIfAbsent',
        in: 'UploadSnapshot',
        times: 1,
        before: ({ args, target }) => target.putIfAbsent(args[0], JUNK),
      },
      { on: 'store.head', in: 'UploadSnapshot', times: 4, before: storeDown },
    ],
    ends: 'KeyCollisionError',
    takes: ['UploadSnapshot Retry StoreUnavailableError', 'UploadSnapshot Retry InvalidInputError'],
  },
];

export const damages: Scenario[] = [
  ...atRest.map(({ what, prefix, how, ends, state }): Scenario => {
    const { damage, repair } = damaging(prefix, how);
    return {
      name: what,
      prepare: damage,
      ends,
      takes: [`${state} Retry InvalidInputError`, `${state} Catch States.ALL`],
      repair,
    };
  }),
  ...inFlight.map(({ route, ...fault }): Scenario => {
    let undo: () => unknown = () => {};
    const damage = async (ports: MemoryPorts) => {
      undo = await junk(ports, POINTER);
    };
    return {
      name: `the pointer turns to junk at ${fault.on} in ${fault.in}`,
      faults: (ports) => [...(route?.(ports) ?? []), { ...fault, times: 1, before: () => damage(ports) }],
      ends: 'CorruptObjectError',
      takes: [`${fault.in} Retry InvalidInputError`, `${fault.in} Catch States.ALL`],
      repair: () => undo(),
    };
  }),
  ...others,
];
