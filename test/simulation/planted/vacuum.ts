/** Bugs of the vacuum. */
import type { Engine, EngineRecord, Ports, WorkingDirectory } from '../../../lambdas/ports.ts';
import type { Plant } from './plant.ts';

const ASKED = { vacuums: 3 } as const;

/** One record is not copied, and what is compared afterwards is what was remembered, not what was written. */
export function recordLeftOut(): Plant {
  return { ports: (ports) => ({ ...ports, engine: forgetful(ports.engine) }), profile: ASKED };
}

function forgetful(engine: Engine): Engine {
  let lost: { record: EngineRecord; at: number } | undefined;
  const remembered = <T>(found: readonly T[], entry: T): T[] =>
    lost === undefined ? [...found] : [...found.slice(0, lost.at), entry, ...found.slice(lost.at)];
  return {
    ...engine,
    vacuum: async (directory, collection, shape) => {
      await engine.vacuum(directory, collection, shape);
      const session = await engine.open(directory);
      await session.useCollection(collection, shape);
      const records = await session.find({ include: ['embeddings', 'metadatas', 'documents'] });
      const record = records[records.length >> 1];
      if (record !== undefined) {
        await session.remove([record.id]);
        lost = { record, at: records.length >> 1 };
      }
      await session.close();
    },
    open: async (directory, options) => {
      const session = await engine.open(directory, options);
      const { record } = lost ?? {};
      if (record === undefined) return session;
      return {
        ...session,
        find: async (page) => remembered(await session.find(page), { id: record.id }),
        get: async (ids) => {
          const found = new Map((await session.get(ids)).map((one) => [one.id, one]));
          return ids.flatMap((id) => (id === record.id ? record : (found.get(id) ?? [])));
        },
      };
    },
    inspect: async (directory, collection, options) => {
      const report = await engine.inspect(directory, collection, options);
      return lost === undefined ? report : { ...report, records: report.records + 1 };
    },
  };
}

/** A vacuum that is asked for takes everything for rubbish, and its check takes the count of before. */
export function emptiedWithRecords(): Plant {
  return { ports: emptying, profile: ASKED };
}

function emptying(ports: Ports): Ports {
  const { engine } = ports;
  return {
    ...ports,
    engine: {
      ...engine,
      inspect: async (directory: WorkingDirectory, collection, options) => {
        const report = await engine.inspect(directory, collection, options);
        if (options?.thorough === true) await directory.remove('model.db');
        return report;
      },
    },
  };
}
