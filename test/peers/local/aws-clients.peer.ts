/** docs/how-to/run-the-same-code-locally.md, as it is printed: boto3 and the AWS CLI on `npm run local`. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith, pythonRuntime } from '../runtimes.ts';

const PAGE = readFileSync(new URL('../../../docs/how-to/run-the-same-code-locally.md', import.meta.url), 'utf8');
const PROGRAM = /```python\n(.*?)```/s.exec(PAGE)?.[1] ?? '';
const COMMANDS = /```sh\n(aws .*?)```/s.exec(PAGE)?.[1] ?? '';
const exec = promisify(execFile);

describeWith('on the local stack', await pythonRuntime(), (bin) => {
  let data: string;
  let stack: ChildProcess;
  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'local-aws-'));
    const args = ['--disable-warning=ExperimentalWarning', 'local/main.ts', '--data', data, '--port', '0'];
    stack = spawn(process.execPath, [...args, '--endpoint-port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    while (!printed.includes('another terminal')) {
      const [part] = (await once(stack.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
      printed += part;
    }
    await exec(process.execPath, ['cli/main.ts', '--data', data, 'create', 'pets', '--dimension', '3']);
  });
  afterAll(async () => {
    const exited = once(stack, 'exit');
    stack.kill('SIGTERM');
    await exited;
    await rm(data, { recursive: true, force: true });
  });

  /** In a shell with the stack's environment and the peer's programs. */
  async function shell(script: string): Promise<string> {
    const PATH = `${bin}:${process.env.PATH}`;
    const env = { ...process.env, PATH, AWS_PAGER: '', AWS_CONFIG_FILE: '/dev/null' };
    return (await exec('bash', ['-ec', `source '${data}/aws.env'\n${script}`], { env })).stdout;
  }

  it("runs the page's program, whose delta is compacted by itself", async () => {
    await writeFile(join(data, 'program.py'), PROGRAM);

    expect(await shell(`python '${data}/program.py'`)).toBe('applied\n');
  });

  it("runs the page's commands", async () => {
    const lines = (await shell(COMMANDS)).trim().split('\n');

    expect(lines.filter((line) => line.endsWith('.json'))).toHaveLength(2);
    expect(lines.slice(-2)).toEqual(['SUCCEEDED', 'applied']);
  });

  it('keeps 20 MB that go up in parts, and refuses what is there already', async () => {
    const script = `
      head -c 20000000 /dev/urandom > '${data}/big'
      aws s3 cp --no-progress '${data}/big' s3://compactor/scratch/big
      aws s3 cp --no-progress s3://compactor/scratch/big '${data}/copy'
      cmp '${data}/big' '${data}/copy'
      aws s3api put-object --bucket compactor --key scratch/big --body '${data}/big' --if-none-match '*' || echo "exit $?"
      aws s3 rm --recursive s3://compactor/scratch`;

    const printed = await shell(script);

    expect(printed).toMatch(/exit 25[45]/);
    expect(printed).toContain('delete: s3://compactor/scratch/big');
  });

  it('lets compactor itself work as on AWS', async () => {
    const status = await shell(`'${process.execPath}' cli/main.ts status pets --json`);

    expect(JSON.parse(status)).toMatchObject({ version: 1 });
  });
});
