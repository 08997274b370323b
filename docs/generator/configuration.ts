/** docs/reference/configuration.md: from the schemas that parse it. */
import { z } from 'zod';
import { CONTEXT_PREFIX, parseDeploymentConfig } from '../../cdk/parse-settings.ts';
import { deployment } from '../../cdk/settings.ts';
import { environment, parseConfig } from '../../lambdas/runtime/config.ts';
import { endpointEnvironment } from '../../lambdas/runtime/endpoint-config.ts';
import { ambient } from './ambient.ts';
import { code, fence, heading, page, table } from './markdown.ts';

/** What of JSON Schema is used here. */
interface Property {
  description?: string;
  default?: unknown;
  type?: string;
  format?: string;
  pattern?: string;
  enum?: string[];
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
}

/** Combinations that are refused, each with one that shows the message. */
const REFUSED: ReadonlyArray<Record<string, number | boolean>> = [
  { lockDurationMinutes: 1, heartbeatIntervalSeconds: 40 },
  { statusTtlDays: 7 },
  { batchWindowSeconds: 120 },
  { batchSize: 100, batchWindowSeconds: 0 },
  { expectedSnapshotMiB: 3_000, mergeTmpMiB: 8_192 },
  { expectedSnapshotMiB: 3_000, mergeMemoryMiB: 8_192 },
  { endpoint: true, expectedSnapshotMiB: 900 },
];

export function configurationPage(): string {
  return page(
    heading('Configuration', 'lambdas/runtime/config.ts', 'cdk/settings.ts', 'docs/generator/ambient.ts'),
    `## Environment

Lambdas, the local stack and \`compactor\` read the same variables. In a deployed stack they are set from the context below. \`npm run local\` takes them from its own environment; \`compactor\` uses them when \`STATE_MACHINE_ARN\` is set. A missing or impossible value is reported at start, before any work.`,
    variables(environment),
    `A combination that cannot work is refused as well:\n\n${fence(messageOf(() => parseConfig(badHeartbeat())))}`,
    '## The function of the endpoint',
    'Beside those above. In a deployed stack they are set from the context below.',
    variables(endpointEnvironment),
    '## Other variables',
    variables(ambient),
    `The SDKs also read their usual variables, such as \`AWS_PROFILE\`.`,
    `## Deployment

Context of the CDK application: under \`context\` in \`cdk.json\`, as \`"${CONTEXT_PREFIX}<name>"\`, or on the command line as \`-c ${CONTEXT_PREFIX}<name>=<value>\`. [Deploying](../deploy.md) says which ones deserve thought.`,
    variables(deployment),
    '### Refused combinations',
    ...REFUSED.map(refusal),
  );
}

function variables(schema: z.ZodObject): string {
  const { properties = {} } = z.toJSONSchema(schema, { io: 'output' }) as { properties?: Record<string, Property> };
  const isRequired = (name: string) => !(schema.shape[name] as z.ZodType).safeParse(undefined).success;
  const rows = Object.entries(properties).map(([name, property]) => {
    const { description = '', default: preset } = property;
    if (description === '') throw new Error(`"${name}" has no description: add .describe() to its schema.`);
    const initial = preset === undefined ? (isRequired(name) ? '**required**' : 'none') : code(String(preset));
    return [code(name), initial, limits(property), description];
  });
  return table(['name', 'default', 'limits', 'meaning'], rows);
}

function limits({ type, format, pattern, enum: choices, ...property }: Property): string {
  if (choices !== undefined) return choices.map(code).join(' or ');
  if (pattern !== undefined && format === undefined) return code(pattern);
  if (type === 'boolean') return '`true` or `false`';
  if (type === 'string') return { uri: 'URL', email: 'e-mail address' }[format ?? ''] ?? 'text';
  const kind = type === 'integer' ? 'whole number' : 'number';
  const { minimum, exclusiveMinimum } = property;
  const maximum = unlessHuge(property.maximum);
  if (exclusiveMinimum !== undefined)
    return `${kind} above ${exclusiveMinimum}${maximum === undefined ? '' : `, at most ${maximum}`}`;
  if (minimum !== undefined && maximum !== undefined) return `${kind}, ${minimum} to ${maximum}`;
  return minimum === undefined ? kind : `${kind}, at least ${minimum}`;
}

/** Zod gives every whole number the bounds of what JavaScript counts exactly. */
function unlessHuge(maximum: number | undefined): number | undefined {
  return maximum === Number.MAX_SAFE_INTEGER ? undefined : maximum;
}

function badHeartbeat(): Record<string, string> {
  const needed = { STORE_URL: 's3://bucket', TABLE_NAME: 'table' };
  return { ...needed, HEARTBEAT_INTERVAL_SECONDS: '40', LOCK_DURATION_MINUTES: '1' };
}

function refusal(settings: Record<string, number | boolean>): string {
  const options = Object.entries(settings).map(([name, value]) => `-c ${CONTEXT_PREFIX}${name}=${value}`);
  const context = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`${CONTEXT_PREFIX}${name}`, value]),
  );
  const message = messageOf(() => parseDeploymentConfig(context));
  return `${code(options.join(' '))}\n\n${fence(message)}`;
}

function messageOf(task: () => unknown): string {
  try {
    task();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('A combination that the reference shows as refused is allowed.');
}
