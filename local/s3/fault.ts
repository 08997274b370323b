/** Errors as S3 answers them (docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html). */
import {
  ConditionalRequestConflictError,
  CorruptObjectError,
  DiskFullError,
  InvalidInputError,
  ObjectNotFoundError,
  PreconditionFailedError,
} from '../../lambdas/errors/errors.ts';

export class S3Fault extends Error {
  readonly status: number;
  readonly code: string;

  /** @param code S3's own code, by which clients distinguish errors */
  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'S3Fault';
    this.status = status;
    this.code = code;
  }
}

/** S3's answer for an error of the store. */
export function faultOf(error: unknown): S3Fault {
  if (error instanceof S3Fault) return error;
  const message = error instanceof Error ? error.message : String(error);
  const [status, code] = answerTo(error);
  return new S3Fault(status, code, message, { cause: error });
}

function answerTo(error: unknown): [status: number, code: string] {
  if (error instanceof ObjectNotFoundError) return [404, 'NoSuchKey'];
  if (error instanceof PreconditionFailedError) return [412, 'PreconditionFailed'];
  if (error instanceof ConditionalRequestConflictError) return [409, 'ConditionalRequestConflict'];
  if (error instanceof CorruptObjectError) return [400, 'BadDigest'];
  if (error instanceof InvalidInputError) return [400, 'InvalidArgument'];
  if (error instanceof DiskFullError) return [507, 'InsufficientStorage'];
  return [503, 'ServiceUnavailable'];
}

export function notImplemented(what: string): S3Fault {
  return new S3Fault(501, 'NotImplemented', `The local store does not implement ${what}.`);
}
