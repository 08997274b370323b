/** The ports of an application without a table. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ConfigurationError, connect, createCollection, waitForDelta } from '../../lambdas/index.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'compactor-connect-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const unnamed = () => connect({ storeUrl: pathToFileURL(root).href, workDirectory: join(root, 'work') });
const delta = { collection: 'pets', deltaId: 'd-1', sha256: 'a'.repeat(64) };

it('waiting says that no table was named, at once', async () => {
  const waiting = waitForDelta(unnamed(), delta);
  await expect(waiting).rejects.toBeInstanceOf(ConfigurationError);
  await expect(waiting).rejects.toThrow(/`tableName` to `connect`/);
});

it('no collection is created that would name a table that nobody has', async () => {
  const ports = unnamed();
  const creating = createCollection(ports, { collection: 'pets', dimension: 4, space: 'l2', creator: 'test' });
  await expect(creating).rejects.toBeInstanceOf(ConfigurationError);
  await expect(ports.store.head('pointers/pets.json')).rejects.toMatchObject({ name: 'ObjectNotFoundError' });
});

it('a table that was named is used', () => {
  const ports = connect({ storeUrl: pathToFileURL(root).href, tableName: 'mine' });
  expect(ports.statuses.tableName).toBe('mine');
});
