/**
 * The collections that an endpoint has open. Each is opened on first use, and closed when nobody has used it for a
 * while, or when too many are open and it is the least recently used one. Collections without a snapshot share one
 * server.
 */
import { EngineUnavailableError } from '../errors/errors.ts';
import type { ApiServer } from '../ports.ts';
import type { ReadLevel } from './looks.ts';
import { type Reflected, ServedCollection } from './served-collection.ts';
import type { ServingPorts, Settings, Target } from './target.ts';

export interface ServingLimits {
  /** Collections with servers of their own, of which each has one or two. */
  maxServers: number;
  /** Collections on the shared server. */
  maxShared: number;
  /** Milliseconds without a question after which one is closed. */
  idleMs: number;
}

export const DEFAULT_LIMITS: ServingLimits = { maxServers: 8, maxShared: 512, idleMs: 10 * 60_000 };

interface Open {
  served: ServedCollection;
  users: number;
  usedAt: number;
  collection: string;
}

export class Servings {
  readonly #ports: ServingPorts;
  readonly #limits: ServingLimits;
  readonly #open = new Map<string, Open>();
  readonly #closing = new Map<string, Promise<void>>();
  readonly #stopSweeping: () => void;
  #shared: Promise<ApiServer> | undefined;
  #isClosed = false;

  constructor(ports: ServingPorts, limits: ServingLimits = DEFAULT_LIMITS) {
    this.#ports = ports;
    this.#limits = limits;
    this.#stopSweeping = ports.clock.every(Math.min(limits.idleMs, 60_000), async () => this.#closeIdle());
  }

  /** Ask a collection something, at a read level. @throws as `ServedCollection.ask` */
  async ask<Answer>(
    settings: Settings,
    level: ReadLevel,
    question: (target: Target) => Promise<Answer>,
  ): Promise<Answer & { reflected: Reflected }> {
    const open = await this.#use(settings, level);
    try {
      return await open.served.ask(question);
    } finally {
      open.users--;
      open.usedAt = this.#ports.clock.monotonic();
      this.#closeSurplus();
    }
  }

  /** Applies settings to every open copy of the collection. */
  async configure(settings: Settings): Promise<void> {
    const open = this.#of(settings.collection);
    await Promise.all(open.map(([, { served }]) => served.configure(settings)));
  }

  /** Called when the collection was dropped: nobody will ask it anything any more. */
  forget(collection: string): void {
    for (const [key, open] of this.#of(collection)) this.#close(key, open);
  }

  /**
   * The server of collections without a snapshot. Other uses are safe as long as they avoid the names of collections.
   */
  async shared(): Promise<ApiServer> {
    if (this.#isClosed) throw closed();
    this.#shared ??= this.#start();
    const started = this.#shared;
    const server = await started;
    if (server.isRunning) return server;
    // Another caller may have started the next server by now.
    if (this.#shared === started) this.#shared = undefined;
    await server.close();
    return this.shared();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stopSweeping();
    for (const [key, open] of this.#open) this.#close(key, open);
    await Promise.all(this.#closing.values());
    await this.#shared?.then(
      (server) => server.close(),
      () => {},
    );
  }

  #start(): Promise<ApiServer> {
    const started = this.#ports.api.startScratch();
    started.catch(() => {
      if (this.#shared === started) this.#shared = undefined;
    });
    return started;
  }

  /**
   * A collection in use is never closed: its user is counted in the same turn of the event loop in which it is found.
   */
  async #use(settings: Settings, level: ReadLevel): Promise<Open> {
    const key = `${settings.collection} ${level}`;
    // A collection that is still being closed holds its directory, or its name on the shared server.
    while (this.#closing.has(key)) await this.#closing.get(key);
    if (this.#isClosed) throw closed();
    let open = this.#open.get(key);
    if (open === undefined) {
      const served = new ServedCollection(this.#ports, settings, level, () => this.shared());
      open = { served, users: 0, usedAt: 0, collection: settings.collection };
    }
    // Moved to the end of the map, which is in the order of last use.
    this.#open.delete(key);
    this.#open.set(key, open);
    open.users++;
    return open;
  }

  #of(collection: string): Array<[string, Open]> {
    return [...this.#open].filter(([, open]) => open.collection === collection);
  }

  #closeIdle(): void {
    const limit = this.#ports.clock.monotonic() - this.#limits.idleMs;
    for (const [key, open] of this.#open) if (open.users === 0 && open.usedAt < limit) this.#close(key, open);
  }

  #closeSurplus(): void {
    const { maxServers, maxShared } = this.#limits;
    for (const [isLarge, most] of [[true, maxServers] as const, [false, maxShared] as const]) {
      const all = [...this.#open].filter(([, { served }]) => served.isLarge === isLarge);
      const idle = all.filter(([, { users }]) => users === 0);
      for (const [key, open] of idle.slice(0, Math.max(0, all.length - most))) this.#close(key, open);
    }
  }

  #close(key: string, open: Open): void {
    this.#open.delete(key);
    const closing = open.served
      .close()
      .catch((error: unknown) => {
        const { collection } = open;
        this.#ports.telemetry.warn('A collection could not be closed well.', { collection, reason: String(error) });
      })
      .finally(() => this.#closing.delete(key));
    this.#closing.set(key, closing);
  }
}

function closed(): EngineUnavailableError {
  return new EngineUnavailableError('The endpoint is being closed. Send the request to another one.');
}
