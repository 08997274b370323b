/** docs/contributing/layers.md names every room of lambdas/, from the top floor down. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const page = readFileSync(`${ROOT}docs/contributing/layers.md`, 'utf8');

it('has a row for every room, and for nothing else', () => {
  const rooms = readdirSync(`${ROOT}lambdas`, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? entry.name : [],
  );
  const named = Array.from(page.matchAll(/\(\.\.\/\.\.\/lambdas\/([a-z]+)\)/g), ([, room = '']) => room);

  expect([...new Set(named)].sort()).toEqual(rooms.sort());
});

it('lists the rooms from the top floor down, as their imports go', () => {
  const order = Array.from(page.matchAll(/\(\.\.\/\.\.\/lambdas\/([a-z]+)\)/g), ([, room = '']) => room);
  for (const room of order.filter((name) => !['adapters', 'runtime'].includes(name))) {
    const imported = /^\*\*May import:\*\* (.*)\.$/m.exec(
      readFileSync(`${ROOT}lambdas/${room}/README.md`, 'utf8'),
    )?.[1];
    const below = (imported ?? '').split(', ').filter((name) => order.includes(name));
    expect(
      below.filter((name) => order.indexOf(name) < order.indexOf(room)),
      room,
    ).toEqual([]);
  }
});
