import { ApiError } from './errors.ts';

export const REGION = 'us-east-1';
export const ACCOUNT = '000000000000';
const REGION_AND_ACCOUNT = `${REGION}:${ACCOUNT}`;
const EXECUTION_ARN = /^arn:aws:states:[a-z0-9-]+:\d{12}:execution:(?<machine>[^:]+):(?<name>[^:]+)$/;
const MACHINE_ARN = /^arn:aws:states:[a-z0-9-]+:\d{12}:stateMachine:(?<machine>[^:]+)$/;

const NAME_LIMIT = 80;
/** What a name must not contain: white space, brackets, wildcards, special characters, controls, surrogates. */
const FORBIDDEN =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must be refused
  /[\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f\ud800-\udfff\ufffe\uffff]/;

export function stateMachineArn(machine: string): string {
  return `arn:aws:states:${REGION_AND_ACCOUNT}:stateMachine:${machine}`;
}

export function executionArn(machine: string, name: string): string {
  return `arn:aws:states:${REGION_AND_ACCOUNT}:execution:${machine}:${name}`;
}

/** @throws ApiError `InvalidName` */
export function assertName(name: string): void {
  if (name.length >= 1 && name.length <= NAME_LIMIT && !FORBIDDEN.test(name)) return;
  throw new ApiError(
    'InvalidName',
    `Invalid Name: '${name}'. Use 1 to ${NAME_LIMIT} characters, none of them white space or <>{}[]?*"#%\\^|~\`$&,;:/.`,
  );
}

/** @throws ApiError `InvalidArn` */
export function assertExecutionArn(arn: string): void {
  if (!EXECUTION_ARN.test(arn)) throw new ApiError('InvalidArn', `Invalid Arn: '${arn}' is not an execution's.`);
}

/** @throws ApiError `InvalidArn` */
export function assertStateMachineArn(arn: string): void {
  if (!MACHINE_ARN.test(arn)) throw new ApiError('InvalidArn', `Invalid Arn: '${arn}' is not a state machine's.`);
}
