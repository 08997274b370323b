/**
 * The real `cdk bootstrap` and `cdk deploy`, against moto. There is no Docker engine here: a stand-in for its command notes
 * what it is asked to build and push, and builds nothing (test/image/ does, on Debian 13).
 */
import { execFile } from 'node:child_process';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith, pythonRuntime } from '../runtimes.ts';
import { type PeerServer, startServer } from '../servers.ts';
import { type Assembly, STACK, synthesise } from './cloud.ts';

const SERVER = new URL('../sfn/moto_states.py', import.meta.url).pathname;
const CDK = resolve('node_modules/.bin/cdk');
/** Of these moto's CloudFormation knows nothing, so that references to them lead nowhere. */
const UNKNOWN_TO_MOTO = ['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::Dashboard', 'AWS::EC2::SecurityGroupEgress'];

interface Ended {
  code: number;
  output: string;
}

const python = await pythonRuntime();

describeWith('cdk deploy', python, (bin) => {
  let scratch: string;
  let assembly: Assembly;
  let moto: PeerServer;
  let asked: string;

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'peers-deploy-'));
    asked = join(scratch, 'asked');
    // An image that is not there yet is built.
    writeFileSync(join(scratch, 'docker'), `#!/bin/sh\necho "$@" >> ${asked}\n[ "$1" != inspect ]\n`);
    chmodSync(join(scratch, 'docker'), 0o755);
    assembly = await synthesise();
    moto = await startServer({
      name: 'moto',
      command: (port) => [join(bin, 'python'), SERVER, String(port), 'http://127.0.0.1:1'],
      readyPath: '/moto-api/data.json',
      isReady: ({ ok }) => ok,
    });
  });

  afterAll(async () => {
    await moto?.stop();
    assembly?.remove();
    rmSync(scratch, { recursive: true, force: true });
  });

  function cdk(...args: string[]): Promise<Ended> {
    const env = {
      PATH: process.env.PATH ?? '',
      HOME: scratch,
      CI: 'true',
      CDK_DOCKER: join(scratch, 'docker'),
      // By this name moto finds buckets in the paths of URLs; by an address it looks for them in the host.
      AWS_ENDPOINT_URL: moto.url.replace('127.0.0.1', 'localhost'),
      ...{ AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_REGION: 'us-east-1' },
    };
    const options = { env, maxBuffer: 2 ** 26 };
    return new Promise((done) => {
      execFile(CDK, [...args, '--app', assembly.directory, '--no-notices'], options, (error, stdout, stderr) =>
        done({ code: error === null ? 0 : Number(error.code), output: `${stdout}\n${stderr}` }),
      );
    });
  }
  const deploy = () => cdk('deploy', '--require-approval', 'never', '--progress', 'events', '--method', 'direct');

  it('is prepared by cdk bootstrap', async () => {
    const { code, output } = await cdk('bootstrap', 'aws://123456789012/us-east-1');

    expect(code, output).toBe(0);
  });

  it('publishes every asset, builds the image, and ends where moto knows no alarms', async () => {
    const { code, output } = await deploy();

    const assets = JSON.parse(readFileSync(join(assembly.directory, `${STACK}.assets.json`), 'utf8'));
    const { files, dockerImages } = assets as Record<'files' | 'dockerImages', Record<string, object>>;
    const [image = ''] = Object.keys(dockerImages);
    expect(Object.keys(dockerImages)).toHaveLength(1);
    expect(output.match(/success: Published/g)).toHaveLength(Object.keys(files).length + 1);
    const calls = readFileSync(asked, 'utf8').trim().split('\n');
    const platform = `linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}`;
    const repository = `123456789012.dkr.ecr.us-east-1.amazonaws.com/cdk-hnb659fds-container-assets-123456789012-us-east-1`;
    expect(calls.filter((call) => !call.startsWith('login '))).toEqual([
      `inspect cdkasset-${image}`,
      `build --tag cdkasset-${image} --platform ${platform} .`,
      `tag cdkasset-${image} ${repository}:${image}`,
      `push ${repository}:${image}`,
    ]);
    expect(code).not.toBe(0);
    expect(output).toMatch(/ValidationError: .*references undefined resource Alarms/);
  });

  it('completes after that, without what moto does not know, and changes nothing the second time', async () => {
    const left = withoutUnknown();

    const first = await deploy();
    const second = await deploy();

    expect(left).toBeGreaterThan(15);
    expect(first.code, first.output).toBe(0);
    expect(first.output).toContain(`${STACK}.StateMachineArn = arn:aws:states:us-east-1:123456789012:stateMachine:`);
    expect(second.code, second.output).toBe(0);
    expect(second.output).toContain('(no changes)');
  });

  /** Of the assembly's template; everything else stays as it was synthesised. Returns how many resources went. */
  function withoutUnknown(): number {
    const template = JSON.parse(readFileSync(assembly.template, 'utf8'));
    const resources = Object.entries<{ Type: string }>(template.Resources);
    const unknown = resources.filter(([, { Type }]) => UNKNOWN_TO_MOTO.includes(Type)).map(([id]) => id);
    for (const id of unknown) delete template.Resources[id];
    writeFileSync(assembly.template, JSON.stringify(template, null, 1));
    return unknown.length;
  }
});
