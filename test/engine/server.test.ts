/** Server processes that do not behave, and parents that die. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { ChromaEngine } from '../../lambdas/adapters/chroma/engine.ts';
import { ChromaServer } from '../../lambdas/adapters/chroma/server.ts';
import { ChromaSession } from '../../lambdas/adapters/chroma/session.ts';
import { EngineRejectedDataError, EngineUnavailableError } from '../../lambdas/errors/errors.ts';
import { START_MS } from '../support/chroma-api.ts';
import { cleanUpAfterEach, fakeServer, makeDirectory, onCleanup, processesOn, useNotes } from './support.ts';

const TIMES = { startMs: START_MS, graceMs: 50 };
cleanUpAfterEach();

describe('starting', () => {
  test('what the server printed is told when it exits', async () => {
    const { path } = await makeDirectory();
    const { engine } = await fakeServer(`console.error('\\x1b[31mNo space left on device\\x1b[0m'); process.exit(28);`);
    const starting = ChromaServer.start(engine, path, TIMES);
    await expect(starting).rejects.toThrow(/exited with 28.* It printed last: No space left on device$/);
    await expect(starting).rejects.toThrow(EngineUnavailableError);
  });

  test('a server that never answers is given up, and killed', async () => {
    const { path } = await makeDirectory();
    const { engine } = await fakeServer('setInterval(() => {}, 1000);');
    await expect(ChromaServer.start(engine, path, { startMs: 300, graceMs: 50 })).rejects.toThrow(/did not answer/);
    expect(await processesOn(path)).toEqual([]);
  });

  test('a program that cannot be run', async () => {
    const { path } = await makeDirectory();
    const { engine } = await fakeServer('');
    const starting = ChromaServer.start({ ...engine, command: '/nowhere/chroma' }, path, TIMES);
    await expect(starting).rejects.toThrow(EngineUnavailableError);
  });

  test('a port that another process took meanwhile is drawn anew', async () => {
    const { path } = await makeDirectory();
    const { engine } = await fakeServer(`
      const fs = require('node:fs'), tried = folder + '/ports';
      fs.appendFileSync(tried, port + ' ');
      if (fs.readFileSync(tried, 'utf8').trim().split(' ').length < 3) {
        console.log('Address 127.0.0.1:' + port + ' is not available');
        process.exit(0);
      }
      serve();`);
    const server = await ChromaServer.start(engine, path, TIMES);
    onCleanup(() => server.stop());
    const tried = await readFile(join(engine.command, '..', 'ports'), 'utf8');
    expect(tried.trim().split(' ')).toHaveLength(3);
    expect(tried.trim().endsWith(String(server.port))).toBe(true);
  });

  test('a port stays reserved until its server listens', async () => {
    const { path } = await makeDirectory();
    const { engine } = await fakeServer(`
      const rival = require('node:net').createServer();
      rival.once('error', (error) => { console.log(error.code); serve(); });
      rival.listen({ path: '\\0chroma-compactor-port-' + port }, () => process.exit(1));`);
    const server = await ChromaServer.start(engine, path, TIMES);
    await server.stop();
    expect(server.output).toBe('EADDRINUSE');
  });

  test('the server sees no telemetry, no reset and no stray configuration', async () => {
    vi.stubEnv('CHROMA_ALLOW_RESET', 'True');
    vi.stubEnv('ANONYMIZED_TELEMETRY', 'True');
    const { path } = await makeDirectory();
    const { engine } = await fakeServer(`console.log('ENV ' + JSON.stringify(process.env)); serve();`);
    const server = await ChromaServer.start(engine, path, TIMES);
    await server.stop();
    const env = JSON.parse(/ENV (.*)/.exec(server.output)?.[1] ?? '{}');
    expect(env).toMatchObject({ ANONYMIZED_TELEMETRY: 'False', RUST_LOG: 'warn' });
    expect(env).not.toHaveProperty('CHROMA_ALLOW_RESET');
  });
});

describe('stopping', () => {
  test('a server that ignores SIGTERM is killed', async () => {
    const { path } = await makeDirectory();
    const { engine } = await fakeServer(`process.on('SIGTERM', () => {}); serve();`);
    const server = await ChromaServer.start(engine, path, TIMES);
    await Promise.all([server.stop(), server.stop()]);
    expect(await processesOn(path)).toEqual([]);
    expect(server.running).toBe(false);
  });

  test('what a wrapper script started goes with it', async () => {
    const { path } = await makeDirectory();
    const inner = await fakeServer(`process.on('SIGTERM', () => {}); serve();`);
    const wrapper = `require('node:child_process').spawn(${JSON.stringify(inner.bin)}, process.argv.slice(2),
      { stdio: 'inherit' });`;
    const { engine } = await fakeServer(wrapper);
    const server = await ChromaServer.start(engine, path, TIMES);
    // The wrapper, what it started, and the watchdog.
    expect(await processesOn(path)).toHaveLength(3);
    await server.stop();
    expect(await processesOn(path)).toEqual([]);
  });

  test.each([
    ['throws', `throw new Error('a bug')`],
    ['exits', 'process.exit(3)'],
    ['gets SIGTERM', `process.kill(process.pid, 'SIGTERM')`],
    ['gets SIGINT', `process.kill(process.pid, 'SIGINT')`],
  ])('no server outlives a parent that %s', async (_, end) => {
    const { path } = await makeDirectory();
    const module = new URL('../../lambdas/adapters/chroma/engine.ts', import.meta.url);
    const script = `
      import { ChromaEngine } from ${JSON.stringify(module.href)};
      const session = await new ChromaEngine().open({ path: process.env.DIRECTORY, markDirty: async () => {} });
      await session.useCollection('notes', { space: 'l2', dimension: 3 });
      process.stdout.write('open');
      setTimeout(() => { ${end} }, 0);`;
    const parent = spawn(process.execPath, ['--no-warnings', '--input-type=module', '-e', script], {
      env: { ...process.env, CHROMA_BIN: '', DIRECTORY: path },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let printed = '';
    parent.stdout.on('data', (text) => {
      printed += text;
    });
    await once(parent, 'exit');
    expect(printed).toBe('open');
    await vi.waitFor(async () => expect(await processesOn(path)).toEqual([]), { timeout: 300_000, interval: 10 });
  });
});

describe('replies', () => {
  const answers = (status: number, body: string) =>
    `serve((request, response) => { response.statusCode = ${status}; response.end(${JSON.stringify(body)}); });`;

  test.each([
    [400, EngineRejectedDataError],
    [413, EngineRejectedDataError],
    [422, EngineRejectedDataError],
    [404, EngineUnavailableError],
    [429, EngineUnavailableError],
    [500, EngineUnavailableError],
    [503, EngineUnavailableError],
  ])('status %i', async (status, error) => {
    const { path } = await makeDirectory();
    const { engine } = await fakeServer(answers(status, '{"message":""}'));
    const server = await ChromaServer.start(engine, path, TIMES);
    onCleanup(() => server.stop());
    await expect(useNotes(new ChromaSession(server, 5_000))).rejects.toThrow(error);
  });

  test('no JSON, and no reply at all', async () => {
    for (const script of [answers(200, 'gibberish'), 'serve(() => {});']) {
      const { path } = await makeDirectory();
      const { engine } = await fakeServer(script);
      const server = await ChromaServer.start(engine, path, TIMES);
      onCleanup(() => server.stop());
      await expect(useNotes(new ChromaSession(server, 300))).rejects.toThrow(EngineUnavailableError);
    }
  });

  test('the whole engine over a server that CHROMA_BIN names', async () => {
    const { bin } = await fakeServer(`process.on('SIGTERM', () => {}); ${answers(500, 'broken')}`);
    vi.stubEnv('CHROMA_BIN', bin);
    const directory = await makeDirectory();
    const engine = new ChromaEngine({ graceMs: 50 });
    expect(await engine.identify()).toEqual({ name: 'chroma', version: '9.8.7', source: bin });
    const session = await engine.open(directory);
    await expect(useNotes(session)).rejects.toThrow(EngineUnavailableError);
    await session.close();
    expect(await processesOn(directory.path)).toEqual([]);
  });
});
