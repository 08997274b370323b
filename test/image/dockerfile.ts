/** What the Dockerfile says of how its image starts. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { IMAGE_DIRECTORY } from '../../cdk/bundle.ts';

export interface Start {
  /** `ENTRYPOINT` and `CMD`, as the one command that a container starts with. */
  command: string[];
  environment: Record<string, string>;
  /** `uid:gid`. */
  user: string;
  directory: string;
}

/** Of the last stage. @throws Error (a form that this does not read: lists are JSON, `ENV` is name=value) */
export function readStart(): Start {
  const text = readFileSync(join(IMAGE_DIRECTORY, 'Dockerfile'), 'utf8');
  const stage = text.slice(text.lastIndexOf('\nFROM '));
  const last = (instruction: string) => {
    const found = [...stage.matchAll(new RegExp(`^${instruction} (.+)$`, 'gm'))].at(-1)?.[1];
    if (found === undefined) throw new Error(`The Dockerfile's last stage has no ${instruction}.`);
    return found;
  };
  const list = (instruction: string) => JSON.parse(last(instruction)) as string[];
  const environment = [...stage.matchAll(/^ENV (.+)$/gm)].flatMap(([, pairs = '']) =>
    pairs.split(' ').map((pair) => pair.split('=', 2) as [string, string]),
  );
  return {
    command: [...list('ENTRYPOINT'), ...list('CMD')],
    environment: Object.fromEntries(environment),
    user: last('USER'),
    directory: last('WORKDIR'),
  };
}
