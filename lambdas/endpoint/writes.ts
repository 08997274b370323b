/**
 * Writes: refused if the engine would refuse them, otherwise put into the collection's log, and acknowledged once they
 * are in it.
 */
import { LogWriter } from '../log/append.ts';
import type { NamesDirectory } from '../names/directory.ts';
import type { CollectionRecord } from '../names/records.ts';
import type { ApiAnswer, Ports, Space } from '../ports.ts';
import type { RequestOp } from '../snapshot/request-delta.ts';
import { createCollection } from '../upkeep/create-collection.ts';
import { learnFrom } from './learn.ts';
import { invalid, ok, reply } from './replies.ts';
import type { Accepted, Validator } from './validate.ts';

const MAX_WRITERS = 1_024;

/**
 * The ids that a filter selects now, including everything acknowledged before; or the engine's refusal of the filter.
 */
type Select = (record: CollectionRecord, body: string) => Promise<readonly string[] | ApiAnswer>;

export class Writes {
  readonly #ports: Ports;
  readonly #directory: NamesDirectory;
  readonly #validator: Validator;
  readonly #select: Select;
  /** By collection, for those that are known to be stored. */
  readonly #writers = new Map<string, LogWriter>();

  constructor(ports: Ports, directory: NamesDirectory, validator: Validator, select: Select) {
    this.#ports = ports;
    this.#directory = directory;
    this.#validator = validator;
    this.#select = select;
  }

  /** @returns `undefined`: the collection was dropped meanwhile */
  async write(
    record: CollectionRecord,
    op: Exclude<RequestOp, 'delete'>,
    body: string,
    contentType: string | undefined,
  ): Promise<ApiAnswer | undefined> {
    const checked = await this.#validator.check(op, body, contentType);
    if ('status' in checked) return checked;
    const done = reply(op === 'add' ? 201 : 200, '{}');
    if (checked.ids.length === 0 && checked.fault === undefined) return done;
    const dimension = await this.#dimensionFor(record, checked);
    if (dimension === undefined) return undefined;
    if (checked.dimension !== undefined && checked.dimension !== dimension) {
      return invalid(`Collection expecting embedding with dimension of ${dimension}, got ${checked.dimension}`);
    }
    if (checked.fault !== undefined) return checked.fault;
    // An update of a collection that was never written to: there is no record that it could change.
    if (dimension === null) return done;
    const writer = await this.#writerOf(record, dimension);
    await Promise.all([writer.append({ op, body }, checked.parsed), this.#learn(record, body, checked)]);
    return done;
  }

  async delete(record: CollectionRecord, body: string, contentType: string | undefined): Promise<ApiAnswer> {
    const checked = await this.#validator.check('delete', body, contentType);
    if ('status' in checked) return checked;
    const { where, where_document } = checked.parsed as Record<string, unknown>;
    const isFiltered = (where ?? where_document ?? null) !== null;
    const ids = isFiltered ? await this.#select(record, body) : checked.ids;
    if ('status' in ids) return ids;
    if (ids.length > 0 && record.dimension !== null) {
      const writer = await this.#writerOf(record, record.dimension);
      await writer.append({ op: 'delete', body: JSON.stringify({ ids }) });
    }
    return ok(JSON.stringify({ deleted: ids.length }));
  }

  /** Called when the collection was dropped: nothing more is written to it. */
  forget(collection: string): void {
    this.#writers.delete(collection);
  }

  /**
   * The collection's dimension. `null`: it has none yet, and this write does not fix one. `undefined`: there is no such
   * collection.
   */
  async #dimensionFor(record: CollectionRecord, { dimension }: Accepted): Promise<number | null | undefined> {
    if (record.dimension !== null || dimension === undefined) return record.dimension;
    return this.#directory.fixDimension(record.id, dimension);
  }

  /** What this adds to the schema is for display only, so a failure here must not fail the write. */
  async #learn(record: CollectionRecord, body: string, { metadatas }: Accepted): Promise<void> {
    try {
      if (learnFrom(body, metadatas, record.learned) === undefined) return;
      await this.#directory.modify(record.id, async (current) => {
        const learned = learnFrom(body, metadatas, current.learned);
        return learned === undefined ? {} : { learned };
      });
    } catch (error) {
      this.#ports.telemetry.warn('Keys of metadata were not noted.', { id: record.id, reason: String(error) });
    }
  }

  /** A collection is stored from its first write on, because only then is its dimension known. */
  async #writerOf({ collection, configuration, schema }: CollectionRecord, dimension: number): Promise<LogWriter> {
    const known = this.#writers.get(collection);
    if (known !== undefined) return known;
    const { hnsw } = JSON.parse(configuration) as { hnsw: { space: Space } };
    const { space } = hnsw;
    const creator = 'compactor serve';
    await createCollection(this.#ports, {
      collection,
      dimension,
      space,
      schema,
      creator,
      isTried: true,
      isNamed: true,
    });
    const writer = this.#writers.get(collection) ?? new LogWriter(this.#ports, collection);
    if (this.#writers.size >= MAX_WRITERS) this.#writers.clear();
    this.#writers.set(collection, writer);
    return writer;
  }
}
