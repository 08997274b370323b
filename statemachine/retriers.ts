/**
 * The retry policies of the state machines, each defined once. `npm run asl` writes them into the `Retry` arrays of the
 * ASL files, which are what is interpreted, validated and deployed; a test keeps them in step.
 *
 * A `Comment` states the total wait: expected and maximal with FULL jitter, exact without jitter. A test recomputes
 * them. The names of errors are those of the catalogues.
 */
import type { AwsErrorName } from '../lambdas/errors/aws-error-catalogue.ts';
import type { ErrorName } from '../lambdas/errors/error-catalogue.ts';
import type { RetryPolicy } from '../lambdas/protocol/backoff.ts';

/** One element of a `Retry` array. */
export interface Retrier extends RetryPolicy {
  Comment: string;
  ErrorEquals: ReadonlyArray<ErrorName | AwsErrorName>;
}

const REFUSED = {
  Comment: 'No retry can fix these: fail at once.',
  ErrorEquals: [
    'InvalidInputError',
    'ConfigurationError',
    'CollectionNotFoundError',
    'PointerMissingError',
    'ForeignStoreError',
    'CorruptObjectError',
    'UnsafeStoreError',
    'KeyCollisionError',
    'InvariantViolatedError',
    'StatusConflictError',
  ],
  MaxAttempts: 0,
} as const satisfies Retrier;

const LAMBDA_TROUBLE = {
  Comment: 'Lambda itself is in trouble: 61 s of waiting expected, 122 s at most.',
  ErrorEquals: [
    'Lambda.ServiceException',
    'Lambda.AWSLambdaException',
    'Lambda.SdkClientException',
    'Lambda.TooManyRequestsException',
    'Lambda.ClientExecutionTimeoutException',
    'Lambda.Unknown',
  ],
  IntervalSeconds: 2,
  BackoffRate: 2,
  MaxDelaySeconds: 60,
  MaxAttempts: 6,
  JitterStrategy: 'FULL',
} as const satisfies Retrier;

export const POLICIES = {
  /** Errors of a step about its input, its store or its own code. */
  refused: REFUSED,
  /** Errors of a merge that no retry fixes. */
  refusedInMerge: {
    ...REFUSED,
    ErrorEquals: [
      ...REFUSED.ErrorEquals,
      'EngineTooOldError',
      'EngineRunawayError',
      'CacheUnwritableError',
      'DiskFullError',
    ],
  },
  /** Limits that DiscardUpload enforces. */
  refusedInDiscard: { ...REFUSED, ErrorEquals: [...REFUSED.ErrorEquals, 'RebaseLimitError', 'MergeLimitError'] },
  /** Errors of Lambda's Invoke API that do not go away by themselves. */
  misconfigured: {
    Comment: "Only a deployment or the account's administrator can fix these: fail at once.",
    ErrorEquals: [
      'Lambda.ResourceNotFoundException',
      'Lambda.CodeArtifactUserFailedException',
      'Lambda.NoPublishedVersionException',
      'Lambda.ModeNotSupportedException',
      'Lambda.InvalidRuntimeException',
      'Lambda.InvalidZipFileException',
      'Lambda.InvalidParameterValueException',
      'Lambda.InvalidRequestContentException',
      'Lambda.UnsupportedMediaTypeException',
      'Lambda.RequestTooLargeException',
      'Lambda.SerializedRequestEntityTooLargeException',
      'Lambda.EC2AccessDeniedException',
      'Lambda.InvalidSecurityGroupIDException',
      'Lambda.InvalidSubnetIDException',
      'Lambda.KMSAccessDeniedException',
      'Lambda.KMSDisabledException',
      'Lambda.KMSInvalidStateException',
      'Lambda.KMSNotFoundException',
      'Lambda.RecursiveInvocationException',
      'Lambda.ServiceQuotaExceededException',
      'Lambda.SnapStartException',
      'Lambda.DurableExecutionAlreadyStartedException',
    ],
    MaxAttempts: 0,
  },
  /**
   * The wait must outlast every lock duration that may be configured: a test bounds the probability that it does not.
   */
  lockHeld: {
    Comment:
      "Another execution holds the lock: 615.5 s of waiting expected, 1231 s at most. That it is less than 300 s, the longest life of a dead holder's lock, has a probability below 1e-7.",
    ErrorEquals: ['LockHeldError'],
    IntervalSeconds: 1,
    BackoffRate: 2,
    MaxDelaySeconds: 30,
    MaxAttempts: 45,
    JitterStrategy: 'FULL',
  },
  lambdaTrouble: LAMBDA_TROUBLE,
  /** A merge that crashed its Lambda is not retried unchanged: it is caught, and repeated with fewer deltas. */
  lambdaTroubleInMerge: {
    ...LAMBDA_TROUBLE,
    ErrorEquals: LAMBDA_TROUBLE.ErrorEquals.filter((error) => error !== 'Lambda.Unknown'),
  },
  /**
   * Waits without jitter, which could bring them near zero: ten such waits would be over before an idle function is
   * awake.
   */
  notReady: {
    Comment: 'The function was idle, or its network, file system or image is not ready: a minute each, 600 s in all.',
    ErrorEquals: [
      'Lambda.CodeArtifactUserPendingException',
      'Lambda.CodeArtifactUserDeletedException',
      'Lambda.ResourceNotReadyException',
      'Lambda.ResourceConflictException',
      'Lambda.ENINotReadyException',
      'Lambda.ENILimitReachedException',
      'Lambda.SubnetIPAddressLimitReachedException',
      'Lambda.EC2ThrottledException',
      'Lambda.EC2UnexpectedException',
      'Lambda.EFSMountConnectivityException',
      'Lambda.EFSMountFailureException',
      'Lambda.EFSMountTimeoutException',
      'Lambda.EFSIOException',
      'Lambda.S3FilesMountConnectivityException',
      'Lambda.S3FilesMountFailureException',
      'Lambda.S3FilesMountTimeoutException',
      'Lambda.SnapStartNotReadyException',
      'Lambda.SnapStartRegenerationFailureException',
      'Lambda.SnapStartTimeoutException',
    ],
    IntervalSeconds: 60,
    BackoffRate: 1,
    MaxAttempts: 10,
    JitterStrategy: 'NONE',
  },
  unavailable: {
    Comment: 'Store, table or Step Functions do not answer: 15 s of waiting expected, 30 s at most.',
    ErrorEquals: [
      'StoreUnavailableError',
      'TableUnavailableError',
      'ConditionalRequestConflictError',
      'PreconditionFailedError',
      'ExecutionsUnavailableError',
    ],
    IntervalSeconds: 1,
    BackoffRate: 2,
    MaxDelaySeconds: 15,
    MaxAttempts: 5,
    JitterStrategy: 'FULL',
  },
  hung: {
    Comment: 'One call hung: 1.5 s of waiting expected, 3 s at most. The step may be repeated safely.',
    ErrorEquals: ['States.Timeout', 'Sandbox.Timedout'],
    IntervalSeconds: 1,
    BackoffRate: 2,
    MaxAttempts: 2,
    JitterStrategy: 'FULL',
  },
  alreadyStarted: {
    Comment: 'Started by another in this minute: see Catch.',
    ErrorEquals: ['StepFunctions.ExecutionAlreadyExistsException'],
    MaxAttempts: 0,
  },
  startRefused: {
    Comment: 'Step Functions throttles or is in trouble: 15 s of waiting expected, 30 s at most.',
    ErrorEquals: ['States.TaskFailed'],
    IntervalSeconds: 1,
    BackoffRate: 2,
    MaxDelaySeconds: 15,
    MaxAttempts: 5,
    JitterStrategy: 'FULL',
  },
  startHung: {
    Comment: 'One call hung: 1.5 s of waiting expected, 3 s at most. The name makes a second start harmless.',
    ErrorEquals: ['States.Timeout'],
    IntervalSeconds: 1,
    BackoffRate: 2,
    MaxAttempts: 2,
    JitterStrategy: 'FULL',
  },
} as const satisfies Record<string, Retrier>;

export type PolicyName = keyof typeof POLICIES;
