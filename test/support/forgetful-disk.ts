/**
 * A disk that forgets what was not synced. It watches every `FileHandle.sync` below a folder, and can build beside it
 * what a power cut at this moment may leave: of a file its content as it was last synced, or as it is now, since a disk
 * may write early; of a folder the names as they were last synced, or as they are now. Whoever promises durability must
 * be content with each of the four.
 */
import { closeSync, fstatSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';

export interface Leftover {
  /** Of files. */
  contents: 'synced' | 'latest';
  /** Of folders. */
  names: 'synced' | 'latest';
}

export const LEFTOVERS: readonly Leftover[] = (['synced', 'latest'] as const).flatMap((contents) =>
  (['synced', 'latest'] as const).map((names) => ({ contents, names })),
);

/** A file or folder, whatever it is called, and what the disk is known to have of it. */
interface Inode {
  /** Held open, so that nobody gets its number anew. */
  descriptor: number;
  isFolder: boolean;
  content: Buffer;
  names: Map<string, Inode>;
}

export class ForgetfulDisk {
  readonly #inodes = new Map<number, Inode>();
  readonly #root: Inode;
  readonly #device: number;
  #stop = () => {};
  /** Called after each sync: a moment in which the power may be cut. */
  onSync: () => void = () => {};

  /** Watch everything below a folder. What is there now is on the disk. */
  static async watch(root: string): Promise<ForgetfulDisk> {
    const handle = await open(root, 'r');
    const prototype = Object.getPrototypeOf(handle) as FileHandle;
    await handle.close();
    const disk = new ForgetfulDisk(root);
    const { sync } = prototype;
    prototype.sync = async function (this: FileHandle) {
      await sync.call(this);
      disk.#synced(this.fd);
    };
    disk.#stop = () => {
      prototype.sync = sync;
    };
    return disk;
  }

  private constructor(root: string) {
    this.#device = statSync(root).dev;
    this.#root = this.#inodeAt(root);
    this.#syncAll(this.#root);
  }

  /** Build what a power cut leaves, in a folder that is made for it. */
  cut(into: string, { contents, names }: Leftover): void {
    const build = (inode: Inode, path: string) => {
      if (!inode.isFolder) {
        writeFileSync(path, contents === 'synced' ? inode.content : contentOf(inode));
        return;
      }
      mkdirSync(path);
      const entries = names === 'synced' ? inode.names : this.#namesOf(inode);
      for (const [name, child] of entries) build(child, join(path, name));
    };
    build(this.#root, into);
  }

  /** Watch no more. */
  stop(): void {
    this.#stop();
    for (const { descriptor } of this.#inodes.values()) closeSync(descriptor);
    this.#inodes.clear();
  }

  #synced(descriptor: number): void {
    const { dev, ino } = fstatSync(descriptor);
    if (dev !== this.#device) return;
    const inode = this.#inodes.get(ino) ?? this.#inodeAt(`/proc/self/fd/${descriptor}`);
    this.#sync(inode);
    this.onSync();
  }

  #sync(inode: Inode): void {
    if (inode.isFolder) inode.names = this.#namesOf(inode);
    else inode.content = contentOf(inode);
  }

  #syncAll(inode: Inode): void {
    this.#sync(inode);
    for (const child of inode.names.values()) this.#syncAll(child);
  }

  #namesOf({ descriptor }: Inode): Map<string, Inode> {
    const folder = `/proc/self/fd/${descriptor}`;
    return new Map(readdirSync(folder).map((name) => [name, this.#inodeAt(join(folder, name))]));
  }

  #inodeAt(path: string): Inode {
    // Not opened again: closing a second descriptor would drop the locks that SQLite has on its file.
    const stats = statSync(path);
    const known = this.#inodes.get(stats.ino);
    if (known !== undefined) return known;
    const descriptor = openSync(path, 'r');
    const inode = { descriptor, isFolder: stats.isDirectory(), content: Buffer.alloc(0), names: new Map() };
    this.#inodes.set(stats.ino, inode);
    return inode;
  }
}

function contentOf({ descriptor }: Inode): Buffer {
  return readFileSync(`/proc/self/fd/${descriptor}`);
}
