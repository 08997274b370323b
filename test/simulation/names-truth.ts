/**
 * What is true of names: which collection each means, at every moment, by what lies in the store. It sees effects and
 * answers, and knows what clients have asked for; that a name means something else all at once must be somebody's wish.
 */
import { idOfUnnamed, type NamedRecord, readStoredName } from './independent/formats.ts';

/** What a client asks of the directory. */
export type Wish =
  | { what: 'create'; name: string; mayExist: boolean }
  | { what: 'rename'; id: string; name: string }
  | { what: 'describe'; id: string; metadata: string }
  | { what: 'drop'; name: string }
  | { what: 'find'; name: string }
  | { what: 'list' };

/** What it is told; `undefined`: nothing, or that nobody knows. */
export type Told = { id: string } | { ids: ReadonlyMap<string, string> } | 'done' | 'refused' | undefined;

interface Asked {
  wish: Wish;
  since: number;
}

/** From a moment on. */
interface Meaning {
  at: number;
  id: string | undefined;
}

export class NamesTruth {
  readonly #records = new Map<string, NamedRecord>();
  /** All that ever were, by id: the collection that each is stored as. */
  readonly #stored = new Map<string, string>();
  /** By name: the id that its entry leads to. */
  readonly #entries = new Map<string, string>();
  /** Stored collections that have a name by themselves. */
  readonly #self = new Set<string>();
  readonly #meanings = new Map<string, Meaning[]>();
  /** When a collection began to be called anything, and when it ceased to be. */
  readonly #lives = new Map<string, { from: number; until: number }>();
  /** `<id> <text>` of every metadata that a record ever had. */
  readonly #described = new Set<string>();
  /** Whoever asked these may still be at work. */
  readonly #open = new Set<Asked>();
  readonly #violate: (what: string) => void;
  #now = 0;

  constructor(violate: (what: string) => void) {
    this.#violate = violate;
  }

  /** A pointer is there that the directory did not make. */
  hasStored(collection: string): void {
    if (/^c-[0-9a-z]{26}$/.test(collection)) return;
    this.#self.add(collection);
    this.#stored.set(idOfUnnamed(collection), collection);
    this.#look(new Set([collection]));
  }

  /** Under which a collection is stored. */
  storedAs(id: string): string {
    const collection = this.#stored.get(id);
    if (collection === undefined) throw new Error(`The oracle knows no collection with the id ${id}.`);
    return collection;
  }

  /** Does a name lead to what is stored so? */
  isNamed(collection: string): boolean {
    return [...this.#meanings.values()].some((meanings) => {
      const id = meanings.at(-1)?.id;
      return id !== undefined && this.#stored.get(id) === collection;
    });
  }

  /** At this moment, or never again: is it a collection that clients can find? */
  isGone(id: string): boolean {
    return (this.#lives.get(id)?.until ?? Number.POSITIVE_INFINITY) <= this.#now;
  }

  recordWritten(id: string, body: Uint8Array): void {
    const record = readStoredName(body);
    const before = this.#records.get(id);
    const sharing = [...this.#stored].find(([other, stored]) => other !== id && stored === record.collection);
    if (sharing !== undefined)
      this.#violate(`collection ${id} is stored as "${record.collection}", as ${sharing[0]} is`);
    if (before !== undefined && before.metadata !== record.metadata && !this.#isDescribed(record)) {
      this.#violate(`the metadata of ${id} go from ${before.metadata} to ${record.metadata}, which nobody asks for`);
    }
    if (before?.dropped && !record.dropped) this.#violate(`collection ${id} was dropped, and comes back`);
    this.#records.set(id, record);
    this.#described.add(`${id} ${record.metadata}`);
    this.#stored.set(id, record.collection);
    this.#look(new Set([record.name, before?.name ?? record.name]));
  }

  recordDeleted(id: string): void {
    const before = this.#records.get(id);
    this.#records.delete(id);
    if (before !== undefined) this.#look(new Set([before.name]));
  }

  entryWritten(body: Uint8Array): void {
    const { id, name } = readStoredName(body);
    if (!this.#stored.has(id)) this.#violate(`the name "${name}" leads to ${id}, of which there is no record`);
    this.#entries.set(name, id);
    this.#look(new Set([name]));
  }

  entryDeleted(path: string): void {
    const name = decodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
    this.#entries.delete(name);
    this.#look(new Set([name]));
  }

  /** A client asks. @returns how to tell what it hears */
  asked(wish: Wish): (told: Told) => void {
    const asked = { wish, since: this.#now };
    this.#open.add(asked);
    return (told) => {
      if (told === undefined) return;
      this.#open.delete(asked);
      const wrong = this.#judge(asked, told);
      if (wrong !== undefined)
        this.#violate(`${JSON.stringify(wish)} is answered ${JSON.stringify(told)}, and ${wrong}`);
    };
  }

  #judge({ wish, since }: Asked, told: Exclude<Told, undefined>): string | undefined {
    const isRefused = told === 'refused';
    switch (wish.what) {
      case 'find':
        return this.#hasMeant(wish.name, since, isRefused ? undefined : idIn(told));
      case 'list':
        return this.#judgeList(since, told as { ids: ReadonlyMap<string, string> });
      case 'create': {
        if (isRefused)
          return this.#meaningsSince(wish.name, since).some((id) => id !== undefined) ? undefined : 'it is free';
        const id = idIn(told);
        if (wish.mayExist) return this.#hasMeant(wish.name, since, id);
        return this.#isNew(wish.name, since, id) ? undefined : 'it was not created meanwhile';
      }
      case 'rename': {
        if (!isRefused) return this.#hasMeant(wish.name, since, wish.id);
        const isTaken = this.#meaningsSince(wish.name, since).some((id) => id !== undefined && id !== wish.id);
        return isTaken || this.isGone(wish.id) ? undefined : 'the name is free';
      }
      case 'describe': {
        if (isRefused) return this.isGone(wish.id) ? undefined : 'it is there';
        return this.#described.has(`${wish.id} ${wish.metadata}`) ? undefined : 'no record ever said so';
      }
      case 'drop': {
        const meanings = this.#meaningsSince(wish.name, since);
        if (isRefused) return meanings.includes(undefined) ? undefined : 'it is there';
        const isDropped = meanings.some((id, n) => id !== undefined && n < meanings.length - 1 && this.isGone(id));
        return isDropped ? undefined : 'nothing was dropped meanwhile';
      }
    }
  }

  /** Whatever had its name all the while is listed, and nothing that had it at no moment. */
  #judgeList(since: number, { ids }: { ids: ReadonlyMap<string, string> }): string | undefined {
    for (const name of this.#meanings.keys()) {
      const meanings = this.#meaningsSince(name, since);
      const listed = ids.get(name);
      if (meanings.includes(listed)) continue;
      return listed === undefined ? `"${name}" was there all the while` : `"${name}" was at no moment ${listed}`;
    }
    return undefined;
  }

  #hasMeant(name: string, since: number, id: string | undefined): string | undefined {
    if (this.#meaningsSince(name, since).includes(id)) return undefined;
    return `"${name}" meant at no moment ${id ?? 'nothing'}`;
  }

  #isNew(name: string, since: number, id: string): boolean {
    return (this.#meanings.get(name) ?? []).some((one) => one.id === id && one.at > since) && this.#fromOf(id) > since;
  }

  #fromOf(id: string): number {
    return this.#lives.get(id)?.from ?? 0;
  }

  /** In order, the one that held at that moment included. */
  #meaningsSince(name: string, since: number): Array<string | undefined> {
    const all = this.#meanings.get(name) ?? [];
    const before = all.findLast(({ at }) => at <= since)?.id;
    return [before, ...all.filter(({ at }) => at > since).map(({ id }) => id)];
  }

  #meaningOf(name: string): string | undefined {
    const entered = this.#records.get(this.#entries.get(name) ?? '');
    if (entered?.name === name && !entered.dropped) return entered.id;
    if (!this.#self.has(name)) return undefined;
    const id = idOfUnnamed(name);
    const own = this.#records.get(id);
    return own === undefined || (own.name === name && !own.dropped) ? id : undefined;
  }

  /** After an effect. */
  #look(names: ReadonlySet<string>): void {
    this.#now++;
    const changes = [...names].flatMap((name) => {
      const before = this.#meanings.get(name)?.at(-1)?.id;
      const id = this.#meaningOf(name);
      return before === id ? [] : [{ name, before, id }];
    });
    const now = new Set(changes.flatMap(({ id }) => id ?? []));
    for (const { name, before, id } of changes) {
      const isFirst = !this.#meanings.has(name) && this.#self.has(name);
      this.#meanings.set(name, [...(this.#meanings.get(name) ?? []), { at: this.#now, id }]);
      const move = `"${name}" means ${id ?? 'nothing'} after ${before ?? 'nothing'}`;
      if (before !== undefined && id !== undefined) this.#violate(`${move}, with nothing between`);
      if (id !== undefined && !isFirst && !this.#isWanted(name, id)) this.#violate(`${move}, which nobody asks for`);
      if (before !== undefined && !now.has(before)) this.#ended(before, name, move);
      if (id !== undefined)
        this.#lives.set(id, { from: this.#fromOf(id) || this.#now, until: Number.POSITIVE_INFINITY });
    }
    const all = [...this.#meanings.values()].flatMap((meanings) => meanings.at(-1)?.id ?? []);
    const twice = all.find((id, n) => all.indexOf(id) < n);
    if (twice !== undefined) this.#violate(`two names mean ${twice}`);
  }

  #ended(id: string, name: string, move: string): void {
    const isDropped = this.#records.get(id)?.dropped ?? true;
    if (!isDropped) this.#violate(`${move}, though it is there`);
    this.#lives.set(id, { from: this.#fromOf(id), until: this.#now });
    if (!this.#isOpen((wish) => wish.what === 'drop' && wish.name === name))
      this.#violate(`${move}, which nobody asks for`);
  }

  #isWanted(name: string, id: string): boolean {
    const isNew = this.#fromOf(id) === 0;
    return this.#isOpen((wish) =>
      isNew
        ? wish.what === 'create' && wish.name === name
        : wish.what === 'rename' && wish.id === id && wish.name === name,
    );
  }

  #isDescribed({ id, metadata }: NamedRecord): boolean {
    return this.#isOpen((wish) => wish.what === 'describe' && wish.id === id && wish.metadata === metadata);
  }

  #isOpen(isMeant: (wish: Wish) => boolean): boolean {
    return [...this.#open].some(({ wish }) => isMeant(wish));
  }
}

function idIn(told: Exclude<Told, undefined>): string {
  return typeof told === 'object' && 'id' in told ? told.id : '';
}
