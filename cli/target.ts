/**
 * What a command works on. If STORE_URL, TABLE_NAME and STATE_MACHINE_ARN are set, that is AWS. If none of them is, it
 * is the local stack of a data directory: either the one that runs there (`npm run local`), or one that lives as long
 * as the command.
 */
import { resolve } from 'node:path';
import type { SFNClient } from '@aws-sdk/client-sfn';
import { lockWaits } from '../lambdas/adapters/store/file-lock.ts';
import { ConfigurationError } from '../lambdas/errors/errors.ts';
import type { Ports, Telemetry } from '../lambdas/ports.ts';
import { readStackFile } from '../local/stack-file.ts';
import type { Place } from './place.ts';

export interface Target {
  kind: 'aws' | 'local' | 'embedded';
  /** For people. */
  place: Place;
  ports: Ports;
  sfn: SFNClient;
  stateMachineArn: string;
  /** @param isImpatient Whether to cut off what is still running in an embedded stack. */
  close(isImpatient?: boolean): Promise<void>;
}

export interface TargetRequest {
  dataDirectory: string;
  /** Whether the data directory was typed, rather than the default. */
  isDataGiven?: boolean;
}

export const SILENT: Telemetry = { metric: () => {}, info: () => {}, warn: () => {} };

const AWS_VARIABLES = ['STORE_URL', 'TABLE_NAME', 'STATE_MACHINE_ARN'] as const;
/** Settings that name places. All other settings apply to commands on a local stack, too. */
const PLACES = [...AWS_VARIABLES, 'EVENT_BUS_NAME', 'CACHE_DIRECTORY', 'WORK_DIRECTORY'];

lockWaits.subscribe((reason) => process.stderr.write(`Waiting: ${reason}.\n`));

/** Only the modules for that kind of target are loaded. @throws ConfigurationError */
export async function openTarget(request: TargetRequest, env: NodeJS.ProcessEnv = process.env): Promise<Target> {
  const { dataDirectory } = request;
  if (isAws(request, env)) return (await import('./targets/aws.ts')).openAws(env);
  const settings = Object.fromEntries(Object.entries(env).filter(([name]) => !PLACES.includes(name)));
  const running = await readStackFile(dataDirectory);
  const place = { local: resolve(dataDirectory) };
  if (running !== undefined) {
    return (await import('./targets/local.ts')).openLocal(running, { dataDirectory, place, settings });
  }
  return (await import('./targets/embedded.ts')).openEmbedded({ dataDirectory, place, settings });
}

/**
 * Refuses a target that is only half named, since it would not be the one that was meant. @throws ConfigurationError
 */
function isAws({ dataDirectory, isDataGiven = false }: TargetRequest, env: NodeJS.ProcessEnv): boolean {
  // Setting a variable to the empty string is how one unsets it in a shell.
  const given = AWS_VARIABLES.filter((name) => (env[name] ?? '') !== '');
  if (given.length === 0) return false;
  const missing = AWS_VARIABLES.filter((name) => !given.includes(name));
  if (missing.length > 0) {
    throw new ConfigurationError(
      `${listed(given)} ${is(given)} set, and ${listed(missing)} ${is(missing)} not: a target on AWS needs all three, the ` +
        `local stack none. Set ${listed(missing)} (outputs of the stack), or unset ${listed(given)}. Nothing was done.`,
    );
  }
  if (isDataGiven) {
    throw new ConfigurationError(
      `Two targets are named: the local stack by --data ${dataDirectory}, and AWS by ${listed(given)}. Leave out --data, or ` +
        'unset these. Nothing was done.',
    );
  }
  return true;
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function is(names: readonly string[]): string {
  return names.length === 1 ? 'is' : 'are';
}
