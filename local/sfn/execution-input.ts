import type { Json } from './definition.ts';
import { ApiError } from './errors.ts';
import { PAYLOAD_LIMIT_BYTES } from './task.ts';

/** The input of an execution, from its JSON text. @throws ApiError `InvalidExecutionInput` */
export function parseInput(input: string): Json {
  if (Buffer.byteLength(input) > PAYLOAD_LIMIT_BYTES) {
    throw new ApiError('InvalidExecutionInput', `Invalid Execution Input: more than ${PAYLOAD_LIMIT_BYTES} bytes.`);
  }
  try {
    return JSON.parse(input) as Json;
  } catch {
    throw new ApiError('InvalidExecutionInput', 'Invalid Execution Input: it is not JSON.');
  }
}
