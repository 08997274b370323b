/** The directory of names: what Chroma's clients call a collection, and which stored collection that name means. */
import type { Ports, Space } from '../ports.ts';
import {
  DATABASES_PREFIX,
  NAMES_PREFIX,
  namesPrefix,
  RECORDS_PREFIX,
  recordKey,
  TENANTS_PREFIX,
} from '../snapshot/name-keys.ts';
import { loadManifest } from '../versions/load-manifest.ts';
import { readPointer } from '../versions/read-pointer.ts';
import { type Database, deleteDatabase, findDatabase, isDefault } from './databases.ts';
import {
  createRecord,
  drop,
  type HeldRecord,
  nameNew,
  readNamed,
  readRecord,
  rename,
  rewrite,
  takeName,
} from './entries.ts';
import { isStored, listBelow, listUnnamed } from './look-up.ts';
import {
  type CollectionRecord,
  checkSettings,
  collectionRecord,
  DEFAULT_DATABASE,
  DEFAULT_TENANT,
  idOfStored,
  isStoredName,
  storedName,
  UNNAMED,
  uuidOf,
} from './records.ts';
import { deleteSmall, gather, readSmall } from './small-object.ts';

type DirectoryPorts = Pick<Ports, 'store' | 'clock' | 'ids'>;

/** How the engine describes a collection that it was asked to create; each member is JSON text. */
export interface Described {
  metadata: string;
  configuration: string;
  schema: string;
}

export class NamesDirectory {
  readonly #ports: DirectoryPorts;
  readonly #describe: (space: Space) => Promise<Described>;

  /**
   * @param describe The engine's default description, for stored collections that were not made through the directory.
   */
  constructor(ports: DirectoryPorts, describe: (space: Space) => Promise<Described>) {
    this.#ports = ports;
    this.#describe = describe;
  }

  async findById(id: string): Promise<CollectionRecord | undefined> {
    return (await readRecord(this.#ports, id))?.value;
  }

  async findByName(tenant: string, database: string, name: string): Promise<CollectionRecord | undefined> {
    const found = await findDatabase(this.#ports, tenant, database);
    return found && (await this.#find(found, name))?.value;
  }

  /**
   * @param describe The new collection's description, called if the name is free; `undefined`: the engine refuses it.
   * @returns the collection that has the name: the new one, or another that came first
   * @throws InvalidInputError (its settings are too large)
   */
  async create(
    tenant: string,
    database: string,
    name: string,
    describe: () => Promise<Described | undefined>,
  ): Promise<{ record: CollectionRecord; isNew: boolean } | 'no database' | 'refused'> {
    const found = await findDatabase(this.#ports, tenant, database);
    if (found === undefined) return 'no database';
    const existing = await this.#find(found, name);
    if (existing !== undefined) return { record: existing.value, isNew: false };
    const described = await describe();
    if (described === undefined) return 'refused';
    checkSettings(described);
    for (;;) {
      const ulid = this.#ports.ids.ulid();
      const id = uuidOf(ulid);
      const place = { tenant, database, databaseId: found.id, name };
      const record = { ...place, id, collection: storedName(ulid), ...described, ...this.#fresh(null) };
      await createRecord(this.#ports, { ...record, name: UNNAMED });
      const outcome = await nameNew(this.#ports, id, place);
      // Nobody has seen this collection yet, so another one can be made.
      if (outcome === 'gone') continue;
      if (outcome !== 'named') return { record: outcome.owner.value, isNew: false };
      // A client that found it by its name may have dropped it already.
      const held = await readRecord(this.#ports, id);
      return { record: held?.value ?? { format: 1, revision: '', ...record }, isNew: true };
    }
  }

  /** In the order of ids. */
  async list(tenant: string, database: string): Promise<CollectionRecord[]> {
    const found = await findDatabase(this.#ports, tenant, database);
    if (found === undefined) return [];
    if (isDefault(tenant, database)) await this.#adoptAll(found);
    const records = await this.#listed(found);
    return records.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /**
   * Change a collection's settings, including its name. @param change Returns what to write, given the current record.
   * @throws InvalidInputError (the settings would be too large)
   */
  async modify(
    id: string,
    change: (record: CollectionRecord) => Promise<Partial<CollectionRecord>>,
  ): Promise<'changed' | 'absent' | 'taken'> {
    for (;;) {
      const held = await readRecord(this.#ports, id);
      if (held === undefined) return 'absent';
      const { name, ...rest } = await change(held.value);
      if ('metadata' in rest || 'configuration' in rest || 'schema' in rest) checkSettings({ ...held.value, ...rest });
      if (name !== undefined && name !== held.value.name) {
        const { tenant, database, databaseId } = held.value;
        const other = await this.#find({ id: databaseId, tenant, name: database }, name);
        if (other !== undefined && other.value.id !== id) return 'taken';
        const outcome = await rename(this.#ports, held, name, rest);
        if (outcome === 'taken') return outcome;
        if (outcome === 'renamed') return 'changed';
        // The record has changed since it was read. That change was acknowledged, so ours is computed anew on top of
        // it.
        continue;
      }
      if (Object.keys(rest).length === 0 || (await rewrite(this.#ports, held, rest))) return 'changed';
    }
  }

  /**
   * Called for a write; the first one fixes the dimension. @returns the collection's dimension; `undefined`: there is
   * no such collection
   */
  async fixDimension(id: string, dimension: number): Promise<number | undefined> {
    for (;;) {
      const held = await readRecord(this.#ports, id);
      if (held === undefined) return undefined;
      if (held.value.dimension !== null) return held.value.dimension;
      if (await rewrite(this.#ports, held, { dimension })) return dimension;
    }
  }

  /** What is stored of the collection becomes garbage. @returns the dropped collection; `undefined`: there was none */
  async drop(tenant: string, database: string, name: string): Promise<CollectionRecord | undefined> {
    for (;;) {
      const found = await findDatabase(this.#ports, tenant, database);
      if (found === undefined) return undefined;
      const place = { tenant, database, databaseId: found.id, name };
      const held = (await readNamed(this.#ports, place)) ?? (await this.#unentered(place));
      if (held === undefined) return undefined;
      if ('etag' in held) {
        if (await drop(this.#ports, held, !isStoredName(held.value.collection))) return held.value;
      } else if (await createRecord(this.#ports, held)) return { format: 1, revision: '', ...held };
    }
  }

  /** The collections in it are dropped as well. @returns false: there was no such database */
  async deleteDatabase(tenant: string, name: string): Promise<boolean> {
    const database = await deleteDatabase(this.#ports, tenant, name);
    if (database === undefined) return false;
    if (isDefault(tenant, name)) await this.#adoptAll(database);
    for (const { name: collection } of await this.#listed(database)) await this.#dropIn(database, collection);
    return true;
  }

  /** Forget everything: no collection remains, and no tenants and databases but the default ones. */
  async reset(): Promise<void> {
    const { store } = this.#ports;
    const database = { id: '', tenant: DEFAULT_TENANT, name: DEFAULT_DATABASE };
    // A stored collection without an entry needs a record, since only that can say that it was dropped.
    for (const collection of await listUnnamed(this.#ports)) await this.#adopt(database, collection);
    for await (const page of store.list(RECORDS_PREFIX)) {
      await gather(page, ({ key }) => this.#forget(key.slice(RECORDS_PREFIX.length, -'.json'.length)));
    }
    // Objects that changed meanwhile either mean nothing without their record, or were made after the reset.
    for (const prefix of [NAMES_PREFIX, DATABASES_PREFIX, TENANTS_PREFIX]) {
      for await (const page of store.list(prefix)) {
        await gather(page, ({ key, etag }) => deleteSmall(this.#ports, key, etag));
      }
    }
  }

  /** Drops a collection even if it is being changed at the same time. */
  async #forget(id: string): Promise<void> {
    for (;;) {
      const held = await readRecord(this.#ports, id);
      if (held === undefined || (await drop(this.#ports, held, !isStoredName(held.value.collection)))) return;
    }
  }

  async #find(database: Database, name: string): Promise<HeldRecord | undefined> {
    const place = { tenant: database.tenant, database: database.name, databaseId: database.id, name };
    const held = await readNamed(this.#ports, place);
    if (held !== undefined || !isDefault(database.tenant, database.name)) return held;
    return (await isStored(this.#ports, name)) ? this.#adopt(database, name) : undefined;
  }

  async #dropIn(database: Database, name: string): Promise<void> {
    for (;;) {
      const held = await this.#find(database, name);
      if (held === undefined || (await drop(this.#ports, held, !isStoredName(held.value.collection)))) return;
    }
  }

  /**
   * For a stored collection without an entry: its record, if it has one; otherwise a new record that marks it as
   * dropped, with arbitrary settings, since nobody will ask for them.
   * @returns `undefined`: there is no such collection, or it was dropped or has another name
   */
  async #unentered(place: { tenant: string; database: string; databaseId: string; name: string }) {
    const { tenant, database, databaseId, name } = place;
    if (!isDefault(tenant, database) || !(await isStored(this.#ports, name))) return undefined;
    const id = idOfStored(name);
    const gone = { metadata: 'null', configuration: '{}', schema: 'null', ...this.#fresh(null), dropped: true };
    const held = await readSmall(this.#ports, recordKey(id), collectionRecord);
    if (held === undefined) return { ...place, id, collection: name, ...gone };
    const isMeant = !held.value.dropped && held.value.name === name && held.value.databaseId === databaseId;
    return isMeant ? held : undefined;
  }

  #listed({ id, tenant, name: database }: Database): Promise<CollectionRecord[]> {
    return listBelow(this.#ports, namesPrefix(tenant, database), async () => id);
  }

  async #adoptAll(database: Database): Promise<void> {
    for (const collection of await listUnnamed(this.#ports)) await this.#adopt(database, collection);
  }

  /**
   * Give a stored collection the record and the entry that it lacks. @returns `undefined`: it was dropped, or has
   * another name
   */
  async #adopt(database: Database, collection: string): Promise<HeldRecord | undefined> {
    const id = idOfStored(collection);
    const place = { tenant: database.tenant, database: database.name, databaseId: database.id, name: collection };
    const { pointer } = await readPointer(this.#ports, collection);
    const { manifest } = await loadManifest(this.#ports, pointer.manifest);
    const described = await this.#describe(manifest.space);
    await createRecord(this.#ports, { ...place, id, collection, ...described, ...this.#fresh(manifest.dimension) });
    const held = await readRecord(this.#ports, id);
    if (held?.value.name !== collection || held.value.databaseId !== database.id) return undefined;
    return 'owner' in (await takeName(this.#ports, place, id)) ? undefined : readRecord(this.#ports, id);
  }

  #fresh(dimension: number | null) {
    return { dimension, learned: {}, created: this.#ports.clock.now(), dropped: false };
  }
}
