/** A client of endpoints: writes and reads by the ids that it knows, and changes what collections are called. */
import { membersOf } from '../../../lambdas/snapshot/exact-json.ts';
import { recordsOf } from '../../support/model-requests.ts';
import type { Confession } from '../gated-engine.ts';
import type { View } from '../log-truth.ts';
import { makeWrite } from '../log-writes.ts';
import type { Told, Wish } from '../names-truth.ts';
import type { World } from '../world.ts';
import { type Answer, type Host, ROUTE } from './host.ts';

/** How old an answer at `index_only` may be, in milliseconds. */
const INDEX_ONLY_MS = 1_000;
const TAKEN = 'UNIQUE constraint failed';

export interface Errand {
  what: 'write' | 'deed';
  /** Told apart from all others of its world by it. */
  n: number;
}

export class Client {
  readonly #world: World;
  readonly #who: string;
  /** Its own first. */
  readonly #hosts: readonly Host[];
  readonly #pool: readonly string[];
  /** Ids by the names under which it got them. */
  readonly #known = new Map<string, string>();
  #asked = 0;

  /** @param pool Names of collections. */
  constructor(world: World, who: string, hosts: readonly Host[], pool: readonly string[]) {
    this.#world = world;
    this.#who = who;
    this.#hosts = hosts;
    this.#pool = pool;
  }

  async run(errands: readonly Errand[]): Promise<void> {
    const { random, scheduler, profile } = this.#world;
    for (const { what, n } of errands) {
      await scheduler.wait(random.next() * profile.paceMs);
      const name = random.pick(this.#pool);
      await (what === 'write' ? this.#write(name, n) : this.#change(name, n));
      if (!random.chance(0.6)) continue;
      if (random.chance(0.5)) await scheduler.wait(random.next() * profile.latencyMs);
      // Several at once share their look at what waits.
      const readers = random.chance(0.3) ? 3 : 1;
      await Promise.all(Array.from({ length: readers }, () => this.#read(random.pick(this.#pool))));
    }
  }

  async #write(name: string, n: number): Promise<void> {
    const { random, oracle, counts } = this.#world;
    const id = await this.#idOf(name);
    if (id === undefined) return;
    const { op, body } = makeWrite(random, n);
    const log = oracle.log(oracle.names.storedAs(id));
    const isGone = oracle.names.isGone(id);
    log.begun(n);
    this.#note(`begins write ${n}: ${op}`);
    const answer = await this.#ask('POST', ROUTE(id, op), body);
    if (answer === undefined) return;
    this.#note(`hears of write ${n}: ${answer.status}`);
    if (answer.status < 300) {
      log.acknowledged(n, op === 'delete');
      counts.logged++;
      if (isGone) this.#world.violate(`write ${n} is acknowledged, of a collection that was dropped before`);
    } else if (answer.status < 500) {
      log.refused(n);
      counts.refusedWrites++;
      this.#known.delete(name);
      if (!oracle.names.isGone(id)) this.#world.violate(`write ${n} is refused: ${answer.text}`);
    }
  }

  async #read(name: string): Promise<void> {
    const { random, oracle, counts, scheduler } = this.#world;
    const id = await this.#idOf(name);
    if (id === undefined) return;
    const collection = oracle.names.storedAs(id);
    const level = random.chance(0.15) ? 'index_only' : 'index_and_wal';
    const floor = oracle.log(collection).readBegun();
    const oldest = oracle.truths.get(collection)?.versionAt(scheduler.now() - INDEX_ONLY_MS) ?? -1;
    const wasGone = oracle.names.isGone(id);
    const path = ROUTE(id, `get?read_level=${level}&asked=${this.#who}-${++this.#asked}`);
    const answer = await this.#ask('POST', path, '{"include":["embeddings","metadatas","documents"]}');
    if (answer?.status === 404) {
      this.#known.delete(name);
      if (!oracle.names.isGone(id)) this.#world.violate(`a read of ${id} finds nothing, and it is there`);
    }
    if (answer?.status !== 200) return;
    const view = viewOf(answer);
    if (level === 'index_only') {
      counts.indexOnlyReads++;
      oracle.log(collection).shownWithoutLog(oracle.truths.get(collection), view, oldest);
      return;
    }
    if (wasGone) this.#world.violate(`a read shows ${id}, which was dropped before it`);
    counts.freshReads++;
    if (answer.reflected?.confirmation === 'beside') counts.quickLooks++;
    else counts.slowLooks++;
    if (view.isChanged) counts.changedReads++;
    oracle.shown(collection, view, floor);
  }

  async #change(name: string, n: number): Promise<void> {
    const { random } = this.#world;
    switch (random.pick(['create', 'create', 'get', 'rename', 'rename', 'drop', 'drop', 'describe', 'find', 'list'])) {
      case 'create':
        return void (await this.#create(name, false));
      case 'get':
        return void (await this.#create(name, true));
      case 'rename':
        return this.#rename(name, random.pick(this.#pool));
      case 'describe':
        return this.#describe(name, `{"k":${n}}`);
      case 'drop':
        return this.#drop(name);
      case 'find':
        return this.#find(name);
      case 'list':
        return this.#list();
    }
  }

  async #idOf(name: string): Promise<string | undefined> {
    return this.#known.get(name) ?? this.#create(name, true);
  }

  async #create(name: string, mayExist: boolean): Promise<string | undefined> {
    const body = JSON.stringify({ name, get_or_create: mayExist });
    const { answer } = await this.#wish(
      { what: 'create', name, mayExist },
      'POST',
      ROUTE(''),
      body,
      ({ status, text }) => (status === 200 ? { id: idIn(text) } : status === 409 ? 'refused' : undefined),
    );
    if (answer?.status !== 200) return undefined;
    this.#known.set(name, idIn(answer.text));
    return idIn(answer.text);
  }

  async #rename(from: string, to: string): Promise<void> {
    const id = await this.#idOf(from);
    if (id === undefined) return;
    const body = JSON.stringify({ new_name: to });
    const { told } = await this.#wish({ what: 'rename', id, name: to }, 'PUT', ROUTE(id), body, changed);
    if (told !== 'done') return;
    this.#world.counts.renames++;
    this.#known.delete(from);
    this.#known.set(to, id);
  }

  async #describe(name: string, metadata: string): Promise<void> {
    const id = await this.#idOf(name);
    if (id === undefined) return;
    const body = `{"new_metadata":${metadata}}`;
    await this.#wish({ what: 'describe', id, metadata }, 'PUT', ROUTE(id), body, changed);
  }

  async #drop(name: string): Promise<void> {
    const { told } = await this.#wish({ what: 'drop', name }, 'DELETE', ROUTE(name), undefined, changed);
    if (told !== 'done') return;
    this.#world.counts.drops++;
    // One that is as careless as most goes on with what it has.
    if (this.#world.random.chance(0.5)) this.#known.delete(name);
  }

  async #find(name: string): Promise<void> {
    await this.#wish({ what: 'find', name }, 'GET', ROUTE(name), undefined, ({ status, text }) =>
      status === 200 ? { id: idIn(text) } : status === 404 ? 'refused' : undefined,
    );
  }

  async #list(): Promise<void> {
    await this.#wish({ what: 'list' }, 'GET', ROUTE(''), undefined, ({ status, text }) => {
      if (status !== 200) return undefined;
      const listed = JSON.parse(text) as Array<{ id: string; name: string }>;
      const ids = new Map(listed.map(({ id, name }) => [name, id]));
      if (ids.size < listed.length) this.#world.violate(`a list has a name twice: ${text}`);
      return { ids };
    });
  }

  async #wish(
    wish: Wish,
    method: string,
    path: string,
    body: string | undefined,
    tell: (answer: Answer) => Told,
  ): Promise<{ answer: Answer | undefined; told: Told }> {
    const { names } = this.#world.oracle;
    this.#note(`asks ${JSON.stringify(wish)}`);
    const hear = names.asked(wish);
    const answer = await this.#ask(method, path, body);
    const told = answer && tell(answer);
    this.#note(`hears ${answer?.status} of ${wish.what}`);
    hear(told);
    if (told !== undefined) this.#world.counts.nameDeeds++;
    return { answer, told };
  }

  #ask(method: string, path: string, body: string | undefined): Promise<Answer | undefined> {
    const { random } = this.#world;
    const host = random.chance(0.3) ? random.pick(this.#hosts) : (this.#hosts[0] as Host);
    return host.ask(this.#who, method, path, body);
  }

  #note(what: string): void {
    this.#world.scheduler.note(`${this.#who} ${what}`);
  }
}

function changed({ status, text }: Answer): Told {
  if (status === 200) return 'done';
  return status === 404 || text.includes(TAKEN) ? 'refused' : undefined;
}

function idIn(text: string): string {
  return (JSON.parse(text) as { id: string }).id;
}

function viewOf({ text, reflected }: Answer): View {
  const { version, waiting = [] } = reflected ?? {};
  const { replayed, isChanged } = JSON.parse(membersOf(text).get('confession') ?? '{}') as Confession;
  const records = new Map(recordsOf(text).map((record) => [record.id, record]));
  return { version, waiting, records, replayed, isChanged };
}
