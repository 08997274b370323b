/**
 * Notifications of new deltas, as S3 sends them, for a store of files: by watching the folders of the inbox. Submitting
 * processes need not notify. A message is only a wake-up; if one is lost, the sweep makes up for it.
 */
import { randomUUID } from 'node:crypto';
import { type FSWatcher, watch } from 'node:fs';
import { lstat, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DELTAS_PREFIX, parseDeltaKey } from '../lambdas/snapshot/keys.ts';
import type { QueueRecord } from '../lambdas/triggers/start-compactions.ts';

export interface Arrived {
  collection: string;
  message: QueueRecord;
}

export interface Watching {
  close(): void;
}

/**
 * @param store root of the store of files; @param warn called for a folder that cannot be watched, which is left to the
 * sweep
 */
export async function watchDeltas(
  store: string,
  onArrived: (arrived: Arrived) => void,
  warn: (error: Error) => void,
): Promise<Watching> {
  const inbox = join(store, DELTAS_PREFIX);
  await mkdir(inbox, { recursive: true });
  const watchers = new Map<string, FSWatcher>();
  let isClosed = false;

  const follow = (path: string, onName: (name: string) => void) => {
    if (isClosed || watchers.has(path)) return false;
    try {
      const watcher = watch(path, (_event, name) => name !== null && onName(name));
      const forget = () => {
        watchers.delete(path);
        watcher.close();
      };
      watcher.on('error', forget);
      watchers.set(path, watcher);
      return true;
    } catch (error) {
      warn(error as Error);
      return false;
    }
  };
  const arrive = async (collection: string, file: string) => {
    const key = `${DELTAS_PREFIX}${collection}/${file}`;
    if (parseDeltaKey(key) === undefined || !(await exists(join(store, key)))) return;
    if (!isClosed) onArrived({ collection, message: notificationOf(key) });
  };
  const enter = async (collection: string, isNew: boolean) => {
    const folder = join(inbox, collection);
    if (!follow(folder, (file) => void arrive(collection, file)) || !isNew) return;
    // Deltas that arrived before the folder was watched.
    for (const file of await readdir(folder).catch(() => [])) await arrive(collection, file);
  };
  follow(inbox, (collection) => void enter(collection, true));
  // Deltas that are already there are left to the sweep.
  for (const collection of await readdir(inbox)) await enter(collection, false);
  return {
    close: () => {
      isClosed = true;
      for (const watcher of watchers.values()) watcher.close();
    },
  };
}

function notificationOf(key: string): QueueRecord {
  const object = { key: key.split('/').map(encodeURIComponent).join('/') };
  const body = JSON.stringify({ Records: [{ eventName: 'ObjectCreated:Put', s3: { object } }] });
  return { messageId: randomUUID(), body };
}

function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
