/** A plain `chroma run` server on a machine with a disk: what somebody uses who has one writer's machine to care for. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { COLLECTION } from '../fixture/build.ts';
import type { HttpAddress } from './http-client.ts';
import type { Address, Peer, World } from './peer.ts';
import { PlainServer } from './plain-server.ts';

export class PlainChroma implements Peer {
  readonly #world: World;
  #server: PlainServer | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  get address(): Address {
    const { fixture, preset } = this.#world;
    const url = `http://127.0.0.1:${this.#server?.port}`;
    const address: HttpAddress = { url, collection: COLLECTION, base: fixture.records, preset, hasLevels: false };
    return { ...address };
  }

  async start(): Promise<void> {
    const { fixture } = this.#world;
    await cp(join(fixture.root, 'work', COLLECTION, '0', 'data'), this.#path, { recursive: true });
    await this.recover();
  }

  async crash(): Promise<void> {
    await this.#server?.kill();
  }

  async recover(): Promise<void> {
    // Killed servers leave a journal, which is their own to read: `ChromaServer` would refuse it.
    this.#server = await PlainServer.start(this.#path);
  }

  /** It is in the index, or in a log that its queries read. */
  async waiting(): Promise<number> {
    return 0;
  }

  async stop(): Promise<void> {
    await this.crash();
  }

  get #path(): string {
    return join(this.#world.folder, 'chroma');
  }
}
