/** What the comparison of peers stands on: the S3 that it plays, and how its figures are told. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkPeers, isGood } from '../../bench/peers/bounds.ts';
import { type PeersDocument, peersDocument } from '../../bench/peers/document.ts';
import { spreadOf } from '../../bench/peers/measure.ts';
import { idsOf, RECORDS_PER_WRITE, recordsOf } from '../../bench/peers/peer.ts';
import { peersTables } from '../../bench/peers/report.ts';
import { BUCKET, S3Server } from '../../bench/peers/s3-server.ts';

describe('the S3 of the bench', () => {
  let server: S3Server;
  let base: string;

  beforeEach(async () => {
    server = new S3Server();
    base = `${await server.listen('local')}/${BUCKET}`;
  });
  afterEach(() => server.close());

  const put = (key: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${base}/${key}`, { method: 'PUT', body, headers });
  const text = async (path: string, headers: Record<string, string> = {}) =>
    (await fetch(`${base}/${path}`, { headers })).text();

  it('creates an object once, whoever comes first', async () => {
    const answers = await Promise.all(['a', 'b', 'c'].map((body) => put('versions/1', body, { 'if-none-match': '*' })));

    expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
    const winner = answers.findIndex(({ ok }) => ok);
    expect(await text('versions/1')).toBe(['a', 'b', 'c'][winner]);
  });

  it('replaces an object only by its ETag', async () => {
    const etag = (await put('k', 'one')).headers.get('etag') ?? '';

    expect((await put('k', 'two', { 'if-match': etag })).status).toBe(200);
    expect((await put('k', 'three', { 'if-match': etag })).status).toBe(412);
    expect(await text('k')).toBe('two');
  });

  it.each([
    ['bytes=2-4', '234'],
    ['bytes=7-', '789'],
    ['bytes=-2', '89'],
    ['bytes=8-99', '89'],
  ])('reads %s', async (range, expected) => {
    await put('digits', '0123456789');

    const answer = await fetch(`${base}/digits`, { headers: { range } });

    expect([answer.status, await answer.text()]).toEqual([206, expected]);
  });

  it('lists in pages, with folders', async () => {
    for (const key of ['t/a/1', 't/a/2', 't/b', 't/c', 'u']) await put(key, 'x');

    const first = await text('?list-type=2&prefix=t/&delimiter=/&max-keys=2');
    const token = /<NextContinuationToken>(.*?)</.exec(first)?.[1] ?? '';
    const second = await text(`?list-type=2&prefix=t/&delimiter=/&continuation-token=${encodeURIComponent(token)}`);

    const names = (page: string) => Array.from(page.matchAll(/<(?:Key|Prefix)>(t\/[^<]+)</g), ([, name]) => name);
    expect([names(first), names(second)]).toEqual([['t/b', 't/a/'], ['t/c']]);
  });

  it('puts parts together, and deletes several at once', async () => {
    const begun = await (await fetch(`${base}/large?uploads`, { method: 'POST' })).text();
    const id = /<UploadId>(.*?)</.exec(begun)?.[1] ?? '';
    for (const [n, body] of ['second', 'first'].entries()) {
      await fetch(`${base}/large?partNumber=${2 - n}&uploadId=${id}`, { method: 'PUT', body });
    }
    await fetch(`${base}/large?uploadId=${id}`, { method: 'POST', body: '' });

    expect(await text('large')).toBe('firstsecond');
    const answer = await fetch(`${base}/?delete`, {
      method: 'POST',
      body: '<Delete><Object><Key>large</Key></Object></Delete>',
    });
    expect(await answer.text()).toContain('<Deleted><Key>large</Key></Deleted>');
    expect((await fetch(`${base}/large`)).status).toBe(404);
  });
});

it('no two writes have a record in common, and each has as many as it says', () => {
  const ids = [0, 1, 2].flatMap((n) => idsOf(500, n));

  expect(new Set(ids).size).toBe(3 * RECORDS_PER_WRITE);
  expect(recordsOf(500, 2).map(({ id }) => id)).toEqual(idsOf(500, 2));
});

it('no figure is made of nothing', () => {
  expect(spreadOf([])).toEqual({ count: 0, p50Ms: null, p99Ms: null });
  expect(spreadOf([3, 1, 2])).toEqual({ count: 3, p50Ms: 2, p99Ms: 3 });
});

it('tells what was not measured, and does not call what is left lost', () => {
  const load = {
    mode: 'open' as const,
    writers: 8,
    perSecond: 3,
    latency: spreadOf([1]),
    failed: 1,
    backlog: 9,
    drainMs: 60_000,
  };
  const document = peersDocument.parse({
    run: {
      ...{
        date: '2026-11-27T03:00:00.000Z',
        commit: 'c',
        command: 'npm run bench:peers',
        machine: 'm',
        node: '24.0.0',
      },
      ...{ engine: 'chroma 1.4.4', seconds: 1, network: 'aws', isQuick: false, failsOnTiming: true },
    },
    bounds: [],
    ...{ records: 500, dimension: 384, recordsPerWrite: 10 },
    peers: [
      { name: 'library', loads: [{ ...load, acknowledged: 30, left: 4, lost: 0 }] },
      { name: 'endpoint', loads: [], skipped: 'The Chroma server here is 1.0.0.' },
    ],
  } satisfies PeersDocument);

  const tables = peersTables(document);

  expect(tables).toMatch(/ours, by the library \| open +\| 8 .* 60\.0, 4 left \| – /);
  expect(tables).toContain('**ours, by the endpoint**: The Chroma server here is 1.0.0.');
});

describe('the bounds beside the peers', () => {
  const latency = spreadOf([1]);
  const load = (perSecond: number, lost = 0) => ({
    ...{ mode: 'open' as const, writers: 8, acknowledged: 9, perSecond, latency, failed: 0, backlog: 0, drainMs: 0 },
    ...{ left: 0, lost },
  });
  const queried = (ms: number) => ({ plain: spreadOf([ms]), where: spreadOf([ms]) });
  /** Ours at each bound, exactly. */
  const peers = (): PeersDocument['peers'] => [
    { name: 'chroma', loads: [load(500)], queries: queried(10) },
    { name: 'lancedb', loads: [load(4)] },
    { name: 'library', loads: [load(8)], crash: { acknowledged: 5, lost: 0 } },
    { name: 'endpoint', loads: [load(8)], queriesIndexOnly: queried(11.5) },
  ];
  const judge = (found: PeersDocument['peers'], failsOnTiming: boolean) => {
    const bounds = checkPeers({ peers: found });
    return { bounds, isGood: isGood({ peers: found, bounds, run: { failsOnTiming } } as PeersDocument) };
  };

  it('hold at their limits', () => {
    const { bounds, isGood } = judge(peers(), true);

    expect(bounds.map(({ value, holds }) => [value, holds])).toEqual([
      [0, true],
      [2, true],
      [0, true],
      [2, true],
      [1.15, true],
    ]);
    expect(isGood).toBe(true);
  });

  it.each([
    ['a slow library', { name: 'library' as const, loads: [load(7.9)] }, true],
    ['a slow endpoint', { name: 'endpoint' as const, loads: [load(8)], queriesIndexOnly: queried(11.6) }, true],
    ['a lost write', { name: 'endpoint' as const, loads: [load(9, 1)] }, false],
    ['a write lost when killed', { name: 'library' as const, loads: [], crash: { acknowledged: 1, lost: 1 } }, false],
  ])('fail by %s', (_, worse, isTiming) => {
    const found = [...peers().filter(({ name }) => name !== worse.name), worse];

    expect(judge(found, true).isGood).toBe(false);
    expect(judge(found, false).isGood).toBe(isTiming);
  });

  it('are not judged of what was not measured; ours must be', () => {
    const found = peers().map((peer) => ({ ...peer, skipped: 'no room' }));

    expect(judge(found.slice(0, 2), true)).toEqual({ bounds: [], isGood: true });
    expect(judge(found.slice(2), true).isGood).toBe(false);
  });
});
