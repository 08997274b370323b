/** The image's scripts, on any Linux: what the entry script hands on, and what the comparison of Node.js notices. */
import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { IMAGE_DIRECTORY } from '../../cdk/bundle.ts';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'image-scripts-'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

function run(script: string, args: string[], env: Record<string, string>): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(join(root, script), args, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe('entry.sh', () => {
  const lambda = { LAMBDA_TASK_ROOT: '/var/task', _HANDLER: '' };

  /** In the place of Node.js, a program that says what it was given. */
  function prepare(): Record<string, string> {
    copyFileSync(join(IMAGE_DIRECTORY, 'entry.sh'), join(root, 'entry.sh'));
    mkdirSync(join(root, 'bin'));
    writeFileSync(join(root, 'bin/node'), '#!/bin/sh\necho "$@"\necho "$_HANDLER in $LAMBDA_TASK_ROOT"\n');
    chmodSync(join(root, 'bin/node'), 0o755);
    return { ...lambda, PATH: `${join(root, 'bin')}:/usr/bin:/bin` };
  }

  it('starts the client with the handler that it is given, in its own folder', async () => {
    const env = prepare();

    const { code, stdout } = await run('entry.sh', ['index.handler'], env);

    expect(code).toBe(0);
    expect(stdout).toBe(`${root}/node_modules/aws-lambda-ric/index.mjs\nindex.handler in ${root}\n`);
  });

  it.each([[[]], [['index.handler', 'other']]])('refuses arguments %j, and says what to do', async (args) => {
    const env = prepare();

    const { code, stdout, stderr } = await run('entry.sh', args, env);

    expect([code, stdout]).toEqual([142, '']);
    expect(stderr).toContain(`it was given ${args.length}. Set CMD.`);
  });
});

describe('compare-node.sh', () => {
  const VERSION = '24.21.0';
  const NAMES = ['x64', 'arm64'].map((arch) => `node-v${VERSION}-linux-${arch}`);

  /** A distribution on this machine, and the checksums that are pinned. */
  async function compare(spoil: { archive?: boolean; pinned?: boolean } = {}): Promise<Ended> {
    copyFileSync(join(IMAGE_DIRECTORY, 'compare-node.sh'), join(root, 'compare-node.sh'));
    copyFileSync(join(IMAGE_DIRECTORY, 'package.json'), join(root, 'package.json'));
    const pinned: string[] = [];
    const sums: string[] = [];
    for (const name of NAMES) {
      mkdirSync(join(root, name, 'bin'), { recursive: true });
      writeFileSync(join(root, name, 'bin/node'), name);
      execFileSync('tar', ['-czf', `${name}.tar.gz`, name], { cwd: root });
      sums.push(`${sha256(readFileSync(join(root, `${name}.tar.gz`)))}  ${name}.tar.gz`);
      const arch = name.split('-').at(-1);
      const binary = Buffer.from(spoil.pinned ? 'another' : name);
      pinned.push(`${sha256(binary)}  node_modules/node-linux-${arch}/bin/node\n`);
    }
    writeFileSync(join(root, 'SHASUMS256.txt'), `${sums.join('\n')}\n`);
    writeFileSync(join(root, 'node.sha256'), pinned.join(''));
    if (spoil.archive) writeFileSync(join(root, `${NAMES[1]}.tar.gz`), 'something else');
    const server = createServer(({ url = '' }, response) => {
      response.end(readFileSync(join(root, url.replace(`/v${VERSION}/`, ''))));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    try {
      return await run('compare-node.sh', [], { PATH: process.env.PATH ?? '', NODE_DIST: `http://127.0.0.1:${port}` });
    } finally {
      server.close();
    }
  }

  it('passes when the pinned binaries are those of the official archives', async () => {
    const { code, stdout } = await compare();

    expect(code).toBe(0);
    expect(stdout.match(/is the binary of Node\.js 24\.21\.0\./g)).toHaveLength(2);
  });

  it('fails when an archive is not the one that is listed', async () => {
    const { code, stderr } = await compare({ archive: true });

    expect(code).toBe(1);
    expect(stderr).toContain('linux-arm64.tar.gz is not the archive');
  });

  it('fails when a pinned binary is another one', async () => {
    const { code, stderr } = await compare({ pinned: true });

    expect(code).toBe(1);
    expect(stderr).toContain('x64: the pinned binary is not the official one');
  });
});

it('the pinned binaries are those of the locked packages, for both processors', () => {
  const lines = readFileSync(join(IMAGE_DIRECTORY, 'node.sha256'), 'utf8').trim().split('\n');

  expect(lines.map((line) => line.split('  ')[1])).toEqual(
    ['x64', 'arm64'].map((arch) => `node_modules/node-linux-${arch}/bin/node`),
  );
  const own = lines.find((line) => line.includes(`node-linux-${process.arch}/`));
  expect(own?.split('  ')[0]).toBe(sha256(readFileSync(process.execPath)));
});
