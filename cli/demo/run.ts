/** The demonstration's acts: producers, executions, checks and questions, through the same calls that users make. */
import { join } from 'node:path';
import { FileWorkingDirectories } from '../../lambdas/adapters/files/working-directories.ts';
import { listInbox } from '../../lambdas/inbox/list-inbox.ts';
import type { EngineSession, Ports } from '../../lambdas/ports.ts';
import { putDelta } from '../../lambdas/producer/put-delta.ts';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';
import { rejectionKey } from '../../lambdas/snapshot/keys.ts';
import { createCollection } from '../../lambdas/upkeep/create-collection.ts';
import { withCheckout } from '../../lambdas/versions/checkout.ts';
import { findVersion } from '../../lambdas/versions/walk-versions.ts';
import type { LocalStack } from '../../local/stack.ts';
import { type ExecutionReport, startExecution, waitForExecution } from '../executions.ts';
import { bytes } from '../output.ts';
import type { Target } from '../target.ts';
import type { CollectionName } from './corpus.ts';
import type { DemoDelta } from './deltas.ts';
import { DIMENSION, type Embedder } from './embed.ts';
import { Model } from './model.ts';
import { executionTable, lockHeld, pathList, type RoundReport } from './report.ts';

const PRODUCERS = 4;
/** Bytes uploaded may exceed the changed blocks by this much, manifest and ledger included. */
const MAX_UPLOAD_RATIO = 1.2;
const QUESTIONS: ReadonlyArray<readonly [CollectionName, string]> = [
  ['animals', 'a domesticated feline kept as a pet'],
  ['food', 'a sweet frozen dessert made from milk'],
  ['artifacts', 'a vehicle with two wheels moved by pedals'],
];

export class Demonstration {
  readonly problems: string[] = [];
  readonly #target: Target;
  readonly #ports: Ports;
  readonly #embedder: Embedder;
  readonly #models = new Map<CollectionName, Model>();
  readonly #deltas: DemoDelta[] = [];
  readonly #rounds = new Map<string, RoundReport[]>();

  constructor(stack: LocalStack, embedder: Embedder) {
    const { sfn, stateMachineArn, config } = stack;
    // Readers have directories of their own, so that what is checked is hydrated from nothing.
    const directories = new FileWorkingDirectories({ root: join(config.workDirectory, '..', 'checkouts') });
    this.#ports = { ...stack.ports, directories };
    this.#target = {
      kind: 'embedded',
      place: { local: join(config.workDirectory, '..') },
      ports: stack.ports,
      sfn,
      stateMachineArn,
      close: () => stack.close(),
    };
    this.#embedder = embedder;
  }

  async create(collections: readonly CollectionName[]): Promise<void> {
    for (const collection of collections) {
      const request = { collection, dimension: DIMENSION, space: 'cosine', creator: 'npm start' } as const;
      await createCollection(this.#ports, request);
      this.#models.set(collection, new Model());
    }
  }

  /** Submit from concurrent producers; each starts an execution for every collection that it wrote to. */
  async round(name: string, deltas: readonly DemoDelta[], sentTwice: readonly string[] = []): Promise<void> {
    for (const delta of deltas) this.#models.get(delta.collection)?.apply(delta.operations);
    this.#deltas.push(...deltas);
    const executions = await Promise.all(
      Array.from({ length: PRODUCERS }, async (_, producer) => {
        const own = deltas.filter((_delta, i) => i % PRODUCERS === producer);
        for (const delta of own) await putDelta(this.#ports, delta);
        return this.#compact(new Set(own.map((delta) => delta.collection)));
      }),
    );
    const again = deltas.filter((delta) => sentTwice.includes(delta.deltaId)).slice(0, 1);
    for (const delta of again) await putDelta(this.#ports, delta);
    const late = await this.#compact(new Set(again.map((delta) => delta.collection)));
    this.#rounds.set(name, [...executions.flat(), ...late]);
  }

  async #compact(collections: ReadonlySet<CollectionName>): Promise<RoundReport[]> {
    return Promise.all(
      [...collections].map(async (collection): Promise<RoundReport> => {
        const executionArn = await startExecution(this.#target, { collection });
        const execution: ExecutionReport = await waitForExecution(this.#target, collection, executionArn);
        if (execution.status !== 'SUCCEEDED')
          this.problems.push(`${collection}: ${execution.error}: ${execution.message}`);
        return { collection, execution };
      }),
    );
  }

  /** Compare fresh checkouts with the models, and statuses and reports with what was sent. */
  async check(): Promise<void> {
    for (const [collection, model] of this.#models) {
      await this.#read(collection, async (session, records) => {
        const actual = await session.get([...model.records.keys()]);
        const count = await session.count();
        this.problems.push(...model.differences(actual).map((difference) => `${collection}: ${difference}`));
        for (const number of [count, records]) {
          if (number !== model.records.size)
            this.problems.push(`${collection}: ${number} records, not ${model.records.size}`);
        }
      });
      const waiting = await listInbox(this.#ports, collection);
      if (waiting.length > 0) this.problems.push(`${collection}: ${waiting.length} deltas are left in the inbox`);
    }
    for (const delta of this.#deltas) await this.#checkDelta(delta);
    for (const { collection, execution } of this.#rounds.get('two') ?? []) {
      const { changedBytes = 0, uploadedBytes = 0 } = execution.state?.totals ?? {};
      if (uploadedBytes <= changedBytes * MAX_UPLOAD_RATIO) continue;
      this.problems.push(
        `${collection}: ${bytes(uploadedBytes)} uploaded for ${bytes(changedBytes)} of changed blocks`,
      );
    }
  }

  async #checkDelta({ collection, deltaId, body, badLines }: DemoDelta): Promise<void> {
    const status = (await this.#ports.statuses.getStatuses(collection, [deltaId])).get(deltaId);
    const isRight =
      status?.outcome === 'applied' && status.sha256 === sha256(body) && status.rejectedOperations === badLines;
    if (!isRight) this.problems.push(`${collection}/${deltaId}: its status is ${JSON.stringify(status)}`);
    if (badLines === 0) return;
    const { body: report } = await this.#ports.store.get(rejectionKey(collection, deltaId));
    const { rejections } = JSON.parse(Buffer.from(report).toString()) as { rejections: Array<{ line: number }> };
    if (rejections.length !== badLines) this.problems.push(`${collection}/${deltaId}: ${rejections.length} rejections`);
  }

  /** Tables of both rounds, the paths, and the lock. */
  summary(): string {
    const parts = [...this.#rounds].map(([name, round]) => {
      const sorted = [...round].sort((a, b) => a.collection.localeCompare(b.collection));
      return `Round ${name}\n${executionTable(sorted)}\nPaths through the states\n${pathList(sorted)}`;
    });
    const { median, worst } = lockHeld([...this.#rounds.values()].flat());
    return [...parts, `Lock held per compaction: median ${median} ms, worst ${worst} ms.`].join('\n\n');
  }

  /** Nearest neighbours of three questions. */
  async questions(): Promise<string> {
    const vectors = await this.#embedder.embed(QUESTIONS.map(([, question]) => question));
    const answers: string[] = [];
    for (const [i, [collection, question]] of QUESTIONS.entries()) {
      const found = await this.#read(collection, (session) => session.query(vectors[i] as number[], 3));
      const lines = found.map(({ distance, document = '' }) => `    ${distance.toFixed(3)}  ${document.slice(0, 96)}`);
      answers.push(`"${question}" in ${collection}\n${lines.join('\n')}`);
    }
    return answers.join('\n');
  }

  async #read<Result>(
    collection: CollectionName,
    use: (session: EngineSession, records: number) => Promise<Result>,
  ): Promise<Result> {
    const loaded = await findVersion(this.#ports, collection);
    return withCheckout(this.#ports, loaded, async (directory) => {
      const session = await this.#ports.engine.open(directory);
      try {
        await session.useCollection(collection, loaded.manifest);
        return await use(session, loaded.manifest.records);
      } finally {
        await session.close();
      }
    });
  }
}
