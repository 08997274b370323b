/** The synthesised stack as moto holds it: by its CloudFormation, and by the services' own APIs for what that lacks. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { App } from 'aws-cdk-lib';
import { parseDeploymentConfig } from '../../../cdk/parse-settings.ts';
import { CompactorStack } from '../../../cdk/stack.ts';
import { type PeerServer, startServer } from '../servers.ts';

export const STACK = 'ChromaCompactor';
const SERVER = new URL('../sfn/moto_states.py', import.meta.url).pathname;
const CREATE = new URL('create_stack.py', import.meta.url).pathname;

interface Dimension {
  Name: string;
  Value: string;
}
interface Metric {
  Namespace: string;
  MetricName: string;
  Dimensions: Dimension[];
}
export interface Alarm extends Partial<Metric> {
  AlarmName: string;
  AlarmActions: string[];
  Unit?: string;
  Metrics?: Array<{ Expression?: string; MetricStat?: { Metric: Metric; Unit?: string } }>;
}
export interface Rule {
  Name: string;
  EventPattern?: string;
  ScheduleExpression?: string;
  Targets: Array<{ Arn: string; InputPath?: string; InputTransformer?: unknown; DeadLetterConfig?: { Arn: string } }>;
}
export interface DeployedFunction {
  arn: string;
  environment: Record<string, string>;
  /** Seconds. */
  timeout: number;
  /** MiB. */
  memory: number;
}

/** What create_stack.py says; by logical id where it is a record. */
export interface Report {
  status: string;
  reason: string | null;
  resources: number;
  byCloudFormation: string[];
  missing: string[];
  byApi: string[];
  made: number;
  refused: Record<string, string>;
  ids: Record<string, string>;
  machines: Record<string, string>;
  outputs: Record<string, string>;
  alarms: Alarm[];
  rules: Rule[];
  functions: Record<string, DeployedFunction>;
}

export interface Assembly {
  directory: string;
  template: string;
  remove(): void;
}

/** Below the project, so that bundles find the packages that an image would bring. */
export async function synthesise(): Promise<Assembly> {
  await mkdir('.work', { recursive: true });
  const directory = mkdtempSync(resolve('.work/peers-assembly-'));
  const config = parseDeploymentConfig({});
  const app = new App({ outdir: directory });
  new CompactorStack(app, config.stackName, { config });
  app.synth();
  const template = join(directory, `${STACK}.template.json`);
  return { directory, template, remove: () => rmSync(directory, { recursive: true, force: true }) };
}

export interface Cloud {
  moto: PeerServer;
  assembly: Assembly;
  report: Report;
  // biome-ignore lint/suspicious/noExplicitAny: CloudFormation's resources, of all types.
  resources: Record<string, { Type: string; Properties: any }>;
  close(): Promise<void>;
}

/** @param bridge URL that moto asks in the place of Lambda */
export async function openCloud(bin: string, bridge = 'http://127.0.0.1:1'): Promise<Cloud> {
  const assembly = await synthesise();
  const moto = await startServer({
    name: 'moto',
    command: (port) => [join(bin, 'python'), SERVER, String(port), bridge],
    readyPath: '/moto-api/data.json',
    isReady: ({ ok }) => ok,
  });
  const close = async () => {
    await moto.stop();
    assembly.remove();
  };
  try {
    const { stdout } = await promisify(execFile)(join(bin, 'python'), [CREATE, moto.url, assembly.directory], {
      maxBuffer: 2 ** 26,
    });
    const { Resources } = JSON.parse(readFileSync(assembly.template, 'utf8'));
    return { moto, assembly, report: JSON.parse(stdout), resources: Resources, close };
  } catch (error) {
    await close();
    throw error;
  }
}
