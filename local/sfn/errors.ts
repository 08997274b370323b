/** An error of the Step Functions API under its AWS name, which SDKs turn into an exception class of that name. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** e.g. `ExecutionAlreadyExists` */
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}
