/** The limit for the bytes of a request: the same for bodies that declare their length and for those that do not. */
import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { limitBody } from '../../lambdas/endpoint/limit-body.ts';

const MAX = 10;

function prepare() {
  const app = new Hono();
  app.use(limitBody(MAX, () => new Response('too large', { status: 413 })));
  app.post('/', async ({ req, text }) => text(await req.text()));
  app.get('/', ({ text }) => text('got'));
  return app;
}

/** A body that is sent piece by piece, without a length. */
function streamed(text: string): RequestInit {
  const body = new Blob([text]).stream();
  return { method: 'POST', body, duplex: 'half' } as RequestInit;
}

const declared = (text: string): RequestInit => ({
  method: 'POST',
  body: text,
  headers: { 'content-length': String(text.length) },
});

describe('the limit of a body', () => {
  it.each([
    ['declared', declared],
    ['not declared', streamed],
    [
      'declared beside another encoding',
      (text: string) => ({ ...streamed(text), headers: { 'content-length': '1', 'transfer-encoding': 'chunked' } }),
    ],
  ])('lets up to the limit pass and refuses one byte more, its length %s', async (_how, request) => {
    const app = prepare();

    const fits = await app.request('/', request('x'.repeat(MAX)));
    const exceeds = await app.request('/', request('x'.repeat(MAX + 1)));

    expect([fits.status, await fits.text()]).toEqual([200, 'x'.repeat(MAX)]);
    expect([exceeds.status, await exceeds.text()]).toEqual([413, 'too large']);
  });

  it('does not touch a body whose length is declared before the routes do', async () => {
    const request = new Request('http://host/', declared('x'));
    const touched: string[] = [];
    const watched = new Proxy(request, {
      get: (target, name) => {
        touched.push(String(name));
        const value = Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });

    const answer = await prepare().fetch(watched);

    expect(await answer.text()).toBe('x');
    expect(touched).not.toContain('body');
  });

  it('lets requests without a body pass', async () => {
    const answer = await prepare().request('/');

    expect(await answer.text()).toBe('got');
  });
});
