/**
 * Reads the manifests that a walk is going to ask for, many at a time: each names its last ancestors. The names are a
 * hint. What was read ahead is held as bytes, and is a manifest only once its child has given their SHA-256.
 */
import { mapLimit } from '../concurrency/map-limit.ts';
import { readBounded } from '../objects/read-bounded.ts';
import { manifestKey } from '../snapshot/keys.ts';
import { MAX_MANIFEST_BYTES, type ManifestRef } from '../snapshot/manifest.ts';
import { type LoadedManifest, loadManifest, type ReadPorts } from './load-manifest.ts';

/** Manifests that are read at once and held, and how large they may be together, as stored. */
const PARALLEL = 32;
const PARALLEL_BYTES = 32 * 1024 * 1024;

export interface ReadAheadOptions {
  /** The oldest version that the walk comes to: nothing below it is read. */
  floor: number;
  /**
   * Manifests of the first batch; each batch after it is twice as large, up to 32. From 1 on, a walk that ends early has
   * read no more than about twice what it passed.
   */
  first: number;
  /** Keys of manifests that the walk does not ask for. */
  isKnown?: (key: string) => boolean;
}

export class ReadAhead {
  readonly #ports: ReadPorts;
  readonly #options: ReadAheadOptions;
  readonly #held = new Map<string, Uint8Array>();
  #batch: number;
  #last: LoadedManifest;

  /** @param newest Where the walk begins. */
  constructor(ports: ReadPorts, newest: LoadedManifest, options: ReadAheadOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#batch = options.first;
    this.#last = newest;
  }

  /**
   * The manifest of a reference, verified, and its ancestors on the way. What could not be read ahead, or is not what the
   * reference says, is read once more, and judged then. @throws CorruptObjectError, StoreUnavailableError
   */
  async load(ref: ManifestRef): Promise<LoadedManifest> {
    if (!this.#held.has(ref.key)) await this.#readBatch();
    this.#last = await loadManifest({ store: this.#ports.store, cache: this.#cache }, ref);
    this.#held.delete(ref.key);
    return this.#last;
  }

  /** What is held, in front of the cache that there may be. */
  readonly #cache = {
    read: async (key: string) => this.#held.get(key) ?? (await this.#ports.cache?.read(key)),
    evict: async (key: string) => {
      this.#held.delete(key);
      await this.#ports.cache?.evict(key);
    },
  };

  /** All of a batch have ended when this returns: a walk that stops leaves no request behind. */
  async #readBatch(): Promise<void> {
    const { floor, isKnown = () => false } = this.#options;
    const { bytes, manifest } = this.#last;
    this.#held.clear();
    // Neighbours have about the same size.
    const most = Math.max(1, Math.min(PARALLEL, Math.floor(PARALLEL_BYTES / bytes.length)));
    const keys = manifest.ancestry
      .filter(({ version }) => version >= floor)
      .map(({ version, commitId }) => manifestKey(manifest.collection, version, commitId))
      .filter((key) => !isKnown(key))
      .slice(0, Math.min(this.#batch, most));
    this.#batch = Math.min(PARALLEL, this.#batch * 2);
    // One alone is read by the walk itself.
    if (keys.length < 2) return;
    await mapLimit(keys, most, async (key) => {
      const found = await this.#read(key).catch(() => undefined);
      if (found !== undefined) this.#held.set(key, found);
    });
  }

  async #read(key: string): Promise<Uint8Array> {
    return (await this.#ports.cache?.read(key)) ?? (await readBounded(this.#ports, key, MAX_MANIFEST_BYTES)).body;
  }
}
