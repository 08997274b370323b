/** `stack.json` in the data directory: how other processes find a running local stack. */
import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';

export const STACK_FILE = 'stack.json';

const schema = z.object({
  pid: z.number(),
  storeUrl: z.string(),
  tableName: z.string(),
  tableEndpoint: z.string(),
  sfnEndpoint: z.string(),
  stateMachineArn: z.string(),
});

export type StackFile = z.infer<typeof schema>;

export async function writeStackFile(dataDirectory: string, file: StackFile): Promise<void> {
  const path = join(dataDirectory, STACK_FILE);
  await writeFile(`${path}.tmp`, `${JSON.stringify(file, null, 2)}\n`);
  await rename(`${path}.tmp`, path);
}

/** `undefined`: no stack runs on this directory. A file that a killed process left behind is ignored. */
export async function readStackFile(dataDirectory: string): Promise<StackFile | undefined> {
  try {
    const file = schema.parse(JSON.parse(await readFile(join(dataDirectory, STACK_FILE), 'utf8')));
    process.kill(file.pid, 0);
    return file;
  } catch {
    return undefined;
  }
}
