/**
 * The engine port over a real Chroma server, whose code is loaded on first use: most verbs and commands open no
 * snapshot, and would otherwise load a third of the product for nothing.
 */
import type {
  CollectionShape,
  DirectoryReport,
  Engine,
  EngineIdentity,
  EngineSession,
  InspectOptions,
  OpenOptions,
  Waste,
  WorkingDirectory,
} from '../../ports.ts';
import { DATABASE } from './database.ts';

export class LazyEngine implements Engine {
  readonly writtenAtStart = new Set([DATABASE]);
  #loaded: Promise<Engine> | undefined;

  async identify(): Promise<EngineIdentity> {
    return (await this.#load()).identify();
  }

  async open(directory: WorkingDirectory, options?: OpenOptions): Promise<EngineSession> {
    return (await this.#load()).open(directory, options);
  }

  async inspect(directory: WorkingDirectory, collection: string, options?: InspectOptions): Promise<DirectoryReport> {
    return (await this.#load()).inspect(directory, collection, options);
  }

  async measureWaste(directory: WorkingDirectory, collection: string): Promise<Waste> {
    return (await this.#load()).measureWaste(directory, collection);
  }

  async vacuum(directory: WorkingDirectory, collection: string, shape: CollectionShape): Promise<void> {
    return (await this.#load()).vacuum(directory, collection, shape);
  }

  async isAsNew(directory: WorkingDirectory, collection: string, shape: CollectionShape): Promise<boolean> {
    return (await this.#load()).isAsNew(directory, collection, shape);
  }

  /** A single engine for all calls, since it remembers the directories that it opened. */
  #load(): Promise<Engine> {
    this.#loaded ??= import('./engine.ts').then(({ ChromaEngine }) => new ChromaEngine());
    return this.#loaded;
  }
}
