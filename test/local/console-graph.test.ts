/** The graph and the picture are what the ASL file says, all of it and nothing else. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type Asl, graphOf } from '../../local/console/graph/asl-graph.ts';
import { layoutGraph } from '../../local/console/graph/layout.ts';
import { drawCompaction, PICTURE } from '../../local/console/graph/main.ts';
import { roundedPath } from '../../local/console/graph/paths.ts';
import { pictureOf } from '../../local/console/graph/picture.ts';
import { COMPACTION, RELEASE_ABANDONED, readDefinition } from '../../local/machines.ts';

const MACHINES = [COMPACTION, RELEASE_ABANDONED];
const aslOf = (name: string): Asl => JSON.parse(readDefinition(name)) as Asl;

/** Every way that the ASL has, read off by itself: `from kind to`. */
function waysOf({ States }: Asl): string[] {
  return Object.entries(States).flatMap(([from, state]) => [
    ...(state.Next === undefined ? [] : [`${from} next ${state.Next}`]),
    ...(state.Default === undefined ? [] : [`${from} choice ${state.Default}`]),
    ...(state.Choices ?? []).map(({ Next }) => `${from} choice ${Next}`),
    ...(state.Catch ?? []).map(({ Next }) => `${from} catch ${Next}`),
  ]);
}

it.each(MACHINES)('has every state and every way of %s', (name) => {
  const asl = aslOf(name);

  const graph = graphOf(asl);

  expect(graph.nodes.map(({ id }) => id)).toEqual(Object.keys(asl.States));
  expect(graph.edges.map(({ from, kind, to }) => `${from} ${kind} ${to}`).sort()).toEqual(
    [...new Set(waysOf(asl))].sort(),
  );
});

it('names every error that is caught', () => {
  const asl = aslOf(COMPACTION);

  const { edges } = graphOf(asl);

  const caught = edges.flatMap(({ from, to, errors }) => errors.map((error) => `${from} ${error} ${to}`));
  const written = Object.entries(asl.States).flatMap(([from, { Catch = [] }]) =>
    Catch.flatMap(({ ErrorEquals, Next }) => ErrorEquals.map((error) => `${from} ${error} ${Next}`)),
  );
  expect(caught.sort()).toEqual(written.sort());
});

it('knows which states run on the lock, with placeholders and with ARNs', () => {
  const withArns = readDefinition(COMPACTION).replace(
    /\$\{(\w+)Arn\}/g,
    'arn:aws:lambda:us-east-1:000000000000:function:$1',
  );

  for (const asl of [aslOf(COMPACTION), JSON.parse(withArns) as Asl]) {
    const onLock = graphOf(asl).nodes.filter(({ isOnLock }) => isOnLock);
    expect(onLock.map(({ id }) => id)).toEqual(['ValidateCas', 'SwapPointer']);
  }
});

it.each(MACHINES)('places the states of %s apart, and within the picture', (name) => {
  const { nodes, edges, width, height } = layoutGraph(graphOf(aslOf(name)));

  for (const [index, a] of nodes.entries()) {
    for (const b of nodes.slice(index + 1)) {
      const isApart =
        Math.abs(a.x - b.x) >= (a.width + b.width) / 2 || Math.abs(a.y - b.y) >= (a.height + b.height) / 2;
      expect(isApart, `${a.id} and ${b.id}`).toBe(true);
    }
    expect(a.x - a.width / 2).toBeGreaterThanOrEqual(0);
    expect(a.x + a.width / 2).toBeLessThanOrEqual(width);
    expect(a.y + a.height / 2).toBeLessThanOrEqual(height);
  }
  for (const edge of edges) expect(edge.points.length, `${edge.from} to ${edge.to}`).toBeGreaterThanOrEqual(2);
});

it('is drawn in docs/images/compaction.svg as the ASL file is now', () => {
  expect(readFileSync(PICTURE, 'utf8'), 'Run: npm run docs:picture').toBe(drawCompaction());
});

it('would be drawn otherwise with one way more', () => {
  const asl = aslOf(COMPACTION);
  asl.States.CheckBase = { ...asl.States.CheckBase, Type: 'Task', Next: 'SyncEfs' };

  expect(pictureOf(layoutGraph(graphOf(asl)), 'another')).not.toBe(drawCompaction());
});

it('draws names as text, whatever they hold', () => {
  const asl: Asl = { StartAt: '<b>"&', States: { '<b>"&': { Type: 'Succeed', Comment: '</title><script>' } } };

  const picture = pictureOf(layoutGraph(graphOf(asl)), '"><script>');

  expect(picture).not.toMatch(/<script|<b>/);
});

it('rounds corners without leaving the line', () => {
  expect(roundedPath([])).toBe('');
  expect(
    roundedPath([
      { x: 0, y: 0 },
      { x: 0, y: 5 },
    ]),
  ).toBe('M0,0 L0,5');
  expect(
    roundedPath([
      { x: 0, y: 0 },
      { x: 0, y: 40 },
      { x: 40, y: 40 },
    ]),
  ).toBe('M0,0 L0,30 Q0,40 10,40 L40,40');
});
