import { z } from 'zod';
import { describeIssues } from '../../lambdas/errors/describe-issues.ts';
import { ApiError } from './errors.ts';
import type { LocalStepFunctions } from './executions.ts';
import { withoutData } from './history.ts';
import { ROLE_ARN } from './interpreter.ts';
import { decodePageToken, encodePageToken } from './page-token.ts';
import type { ExecutionRecord } from './store.ts';

const arn = z.string().min(1).max(256);
/** As in AWS, 0 means the default of 100. */
const maxResults = z
  .int()
  .min(0)
  .max(1000)
  .default(0)
  .transform((n) => n || 100);
const nextToken = z.string().min(1).max(1024).optional();
const status = z.enum(['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED', 'PENDING_REDRIVE']);
const includedData = z.enum(['ALL_DATA', 'METADATA_ONLY']).default('ALL_DATA');

interface Operation {
  input: z.ZodType;
  run(stepFunctions: LocalStepFunctions, input: unknown): unknown;
}

function operation<Input extends z.ZodType>(
  input: Input,
  run: (stepFunctions: LocalStepFunctions, input: z.infer<Input>) => unknown,
): Operation {
  return { input, run: (stepFunctions, value) => run(stepFunctions, value as z.infer<Input>) };
}

const OPERATIONS: Readonly<Record<string, Operation>> = {
  StartExecution: operation(
    z.strictObject({
      stateMachineArn: arn,
      name: z.string().optional(),
      input: z.string().optional(),
      // Meant for X-Ray, which does not exist here.
      traceHeader: z.string().optional(),
    }),
    (stepFunctions, { stateMachineArn, name, input }) => {
      const started = stepFunctions.start({
        stateMachineArn,
        ...(name === undefined ? {} : { name }),
        ...(input === undefined ? {} : { input }),
      });
      return { executionArn: started.executionArn, startDate: seconds(started.startDate) };
    },
  ),

  StopExecution: operation(
    z.strictObject({
      executionArn: arn,
      error: z.string().max(256).optional(),
      cause: z.string().max(32_768).optional(),
    }),
    async (stepFunctions, { executionArn, error, cause }) => {
      const { stopDate } = await stepFunctions.stop({
        executionArn,
        ...(error === undefined ? {} : { error }),
        ...(cause === undefined ? {} : { cause }),
      });
      return { stopDate: seconds(stopDate) };
    },
  ),

  DescribeExecution: operation(z.strictObject({ executionArn: arn, includedData }), (stepFunctions, input) => {
    const record = stepFunctions.describe(input.executionArn);
    const included = input.includedData === 'ALL_DATA';
    return {
      ...summary(record),
      ...(included ? { input: record.input, output: record.output ?? undefined } : {}),
      inputDetails: { included },
      outputDetails: record.output === null ? undefined : { included },
      error: record.error ?? undefined,
      cause: record.cause ?? undefined,
      redriveCount: 0,
      redriveStatus: 'NOT_REDRIVABLE',
      redriveStatusReason: 'Executions are not redriven locally. Start a new one.',
    };
  }),

  ListExecutions: operation(
    z.strictObject({ stateMachineArn: arn, statusFilter: status.optional(), maxResults, nextToken }),
    (stepFunctions, input) => {
      const { stateMachineArn } = stepFunctions.machine(input.stateMachineArn);
      const scope = `${stateMachineArn} ${input.statusFilter ?? '*'}`;
      const { page, token } = paginate(scope, input, (limit, before) =>
        stepFunctions.store.list({
          stateMachineArn,
          limit,
          ...(input.statusFilter === undefined ? {} : { status: input.statusFilter }),
          ...(before === undefined ? {} : { before }),
        }),
      )((record) => record.sequence);
      return { executions: page.map(summary), nextToken: token };
    },
  ),

  GetExecutionHistory: operation(
    z.strictObject({
      executionArn: arn,
      maxResults,
      nextToken,
      reverseOrder: z.boolean().default(false),
      includeExecutionData: z.boolean().default(true),
    }),
    (stepFunctions, input) => {
      const { executionArn } = stepFunctions.describe(input.executionArn);
      const scope = `${executionArn} ${input.reverseOrder}`;
      const { page, token } = paginate(scope, input, (limit, after) =>
        stepFunctions.store.events({
          executionArn,
          limit,
          reverse: input.reverseOrder,
          ...(after === undefined ? {} : { after }),
        }),
      )((event) => event.id);
      const shown = input.includeExecutionData ? page : page.map(withoutData);
      return { events: shown.map((event) => ({ ...event, timestamp: seconds(event.timestamp) })), nextToken: token };
    },
  ),

  DescribeStateMachine: operation(z.strictObject({ stateMachineArn: arn, includedData }), (stepFunctions, input) => {
    const { name, stateMachineArn, definition, creationDate } = stepFunctions.machine(input.stateMachineArn);
    return {
      stateMachineArn,
      name,
      status: 'ACTIVE',
      definition: JSON.stringify(definition, undefined, 2),
      roleArn: ROLE_ARN,
      type: 'STANDARD',
      creationDate: seconds(creationDate),
      loggingConfiguration: { level: 'OFF', includeExecutionData: false },
      tracingConfiguration: { enabled: false },
    };
  }),

  ListStateMachines: operation(z.strictObject({ maxResults, nextToken }), (stepFunctions, input) => {
    const all = stepFunctions.machines();
    const { page, token } = paginate('machines', input, (limit, after) =>
      all.map((machine, index) => ({ machine, index })).slice((after ?? -1) + 1, (after ?? -1) + 1 + limit),
    )(({ index }) => index);
    const stateMachines = page.map(({ machine: { stateMachineArn, name, creationDate } }) => {
      return { stateMachineArn, name, type: 'STANDARD', creationDate: seconds(creationDate) };
    });
    return { stateMachines, nextToken: token };
  }),
};

/**
 * Answer one call of the Step Functions API: `input` is the parsed JSON body, the result the one to send.
 * @throws ApiError (`UnknownOperationException`, `ValidationException`, or what the operation itself throws)
 */
export async function dispatch(stepFunctions: LocalStepFunctions, name: string, input: unknown): Promise<unknown> {
  const found = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (found === undefined) {
    throw new ApiError('UnknownOperationException', `"${name}" is not an operation of the local Step Functions.`);
  }
  const parsed = found.input.safeParse(input);
  if (!parsed.success) throw new ApiError('ValidationException', describeIssues(parsed.error, input));
  return found.run(stepFunctions, parsed.data);
}

/** Read one row more than asked for, to know whether there is a next page. */
function paginate<Row>(
  scope: string,
  input: { maxResults: number; nextToken?: string | undefined },
  read: (limit: number, after: number | undefined) => Row[],
) {
  const after = input.nextToken === undefined ? undefined : decodePageToken(scope, input.nextToken);
  const rows = read(input.maxResults + 1, after);
  const page = rows.slice(0, input.maxResults);
  return (position: (row: Row) => number) => {
    const last = page.at(-1);
    const token = rows.length > page.length && last !== undefined ? encodePageToken(scope, position(last)) : undefined;
    return { page, token };
  };
}

function summary(record: ExecutionRecord) {
  return {
    executionArn: record.executionArn,
    stateMachineArn: record.stateMachineArn,
    name: record.name,
    status: record.status,
    startDate: seconds(record.startDate),
    stopDate: record.stopDate === null ? undefined : seconds(record.stopDate),
  };
}

/** The protocol's timestamps are seconds since the epoch, with a fraction. */
function seconds(ms: number): number {
  return ms / 1000;
}
