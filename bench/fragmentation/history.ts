/**
 * A long history of small compactions on one snapshot: each a real execution on a real Chroma server, in one warm
 * container, with no network model in between. It is kept on disk, and goes on where it was interrupted.
 */
import { appendFile, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DynamoDBClientConfig } from '@aws-sdk/client-dynamodb';
import type { Manifest } from '../../lambdas/snapshot/manifest.ts';
import { loadManifest } from '../../lambdas/versions/load-manifest.ts';
import { readPointer } from '../../lambdas/versions/read-pointer.ts';
import { COLLECTION, type Fixture } from '../fixture/build.ts';
import { PRESETS } from '../network/model.ts';
import { Ours } from '../scenarios/ours.ts';
import type { Row } from './document.ts';
import { GROWTH, smallDelta } from './small-delta.ts';

/** Raise it when the same number of compactions makes another history. */
const FORMAT = 1;
/** Version of the fixture. */
const FIRST = 1;
const NOTE = 'history.json';
const ROWS = 'rows.jsonl';
const NOTHING = { changedBytes: 0, rewrittenBytes: 0, uploadedBytes: 0 };

interface Note {
  format: number;
  records: number;
  /** Of the code that made it. */
  commits: string[];
  seconds: number;
}

export class History {
  readonly ours: Ours;
  readonly rows: Row[];
  readonly #folder: string;
  readonly #commit: string;
  readonly #note: Note;

  private constructor(ours: Ours, folder: string, commit: string, note: Note, rows: Row[]) {
    this.ours = ours;
    this.#folder = folder;
    this.#commit = commit;
    this.#note = note;
    this.rows = rows;
  }

  /**
   * The one in the folder, or a new one when there is none, or another, or one that is longer than wanted.
   * @param commit of this code
   */
  static async open(
    folder: string,
    fixture: Fixture,
    options: { table: DynamoDBClientConfig; atMost: number; commit: string },
  ): Promise<History> {
    const known = await readFile(join(folder, NOTE), 'utf8').then(
      (text) => JSON.parse(text) as Note,
      () => undefined,
    );
    const ours = new Ours(folder, options.table, PRESETS.local);
    if (known?.format === FORMAT && known.records === fixture.records) {
      const history = new History(ours, folder, options.commit, known, await readRows(folder));
      const compactions = await history.compactions();
      // Killed between a swap and its row: what that one commit wrote is missing in the sums.
      if (history.rows.at(-1)?.compactions !== compactions) await history.#keep(NOTHING);
      if (compactions <= options.atMost) return history;
    }
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await ours.place(fixture);
    const note = { format: FORMAT, records: fixture.records, commits: [], seconds: 0 };
    const history = new History(ours, folder, options.commit, note, []);
    await history.#keep(NOTHING);
    await history.#writeNote();
    return history;
  }

  get commits(): readonly string[] {
    return this.#note.commits;
  }

  get seconds(): number {
    return this.#note.seconds;
  }

  async compactions(): Promise<number> {
    return (await readPointer(this.ours.plain, COLLECTION)).pointer.version - FIRST;
  }

  /**
   * One more small compaction.
   * @throws Error (it did not do all that its delta asks for)
   */
  async compact(): Promise<Row> {
    const started = performance.now();
    const n = await this.compactions();
    await this.ours.submit(smallDelta(n, this.#note.records));
    this.ours.meter.reset();
    const { ending, state } = await this.ours.compact();
    const { merge, totals } = state;
    const expected = this.#note.records + (n + 1) * GROWTH;
    const { missingDeletes = 0, rejectedOperations = 0, records = 0, rewrittenBytes = 0 } = merge ?? {};
    if (ending !== 'Compacted' || missingDeletes + rejectedOperations > 0 || records !== expected) {
      throw new Error(
        `Small compaction ${n + 1} ended as ${ending} with ${records} records instead of ${expected}, ` +
          `${rejectedOperations} operations rejected and ${missingDeletes} deletes of nothing. Begin anew with --fresh.`,
      );
    }
    const { changedBytes, uploadedBytes } = totals;
    const row = await this.#keep({ changedBytes, rewrittenBytes, uploadedBytes });
    this.#note.seconds += (performance.now() - started) / 1_000;
    if (!this.#note.commits.includes(this.#commit)) this.#note.commits.push(this.#commit);
    await this.#writeNote();
    return row;
  }

  close(): void {
    this.ours.close();
  }

  async #keep(added: Pick<Row, 'changedBytes' | 'rewrittenBytes' | 'uploadedBytes'>): Promise<Row> {
    const { pointer } = await readPointer(this.ours.plain, COLLECTION);
    const { manifest, bytes } = await loadManifest(this.ours.plain, pointer.manifest);
    const before = this.rows.at(-1);
    const row: Row = {
      compactions: manifest.version - FIRST,
      ...layoutOf(manifest),
      manifestBytes: bytes.length,
      changedBytes: (before?.changedBytes ?? 0) + added.changedBytes,
      rewrittenBytes: (before?.rewrittenBytes ?? 0) + added.rewrittenBytes,
      uploadedBytes: (before?.uploadedBytes ?? 0) + added.uploadedBytes,
    };
    this.rows.push(row);
    await appendFile(join(this.#folder, ROWS), `${JSON.stringify(row)}\n`);
    return row;
  }

  async #writeNote(): Promise<void> {
    const path = join(this.#folder, NOTE);
    await writeFile(`${path}.new`, JSON.stringify(this.#note));
    await rename(`${path}.new`, path);
  }
}

/** How a version lies in the store. Its packs are those that some extent of it refers to, whole, dead frames included. */
export function layoutOf({ version, files, packs }: Pick<Manifest, 'version' | 'files' | 'packs'>) {
  const extents = files.flatMap((file) => file.extents);
  return {
    version,
    snapshotBytes: files.reduce((sum, { size }) => sum + size, 0),
    storedBytes: packs.reduce((sum, { size }) => sum + size, 0),
    storedRawBytes: packs.reduce((sum, { rawSize }) => sum + rawSize, 0),
    packs: packs.length,
    frames: new Set(extents.map(({ frame }) => `${frame.packKey}@${frame.offset}`)).size,
    extents: extents.length,
  };
}

/** A line that an interruption has cut short is no row. */
async function readRows(folder: string): Promise<Row[]> {
  const text = await readFile(join(folder, ROWS), 'utf8').catch(() => '');
  const lines = text.split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Row);
}
