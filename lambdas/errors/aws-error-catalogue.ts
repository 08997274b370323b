/**
 * Cause and remedy of every error that AWS names and the state machines match. Those of Lambda are the errors of its
 * Invoke API (docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, "Errors"), which Step Functions reports with the
 * prefix `Lambda.`, and four of its own (docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html).
 */
import type { CatalogueEntry } from './error-catalogue.ts';

/** Names that AWS defines and the state machines match. */
export const AWS_ERROR_CATALOGUE = {
  'Lambda.ServiceException': { cause: 'Lambda had an internal error.', remedy: 'None: it is retried.' },
  'Lambda.AWSLambdaException': { cause: 'Lambda had an internal error.', remedy: 'None: it is retried.' },
  'Lambda.SdkClientException': { cause: 'Step Functions could not reach Lambda.', remedy: 'None: it is retried.' },
  'Lambda.TooManyRequestsException': {
    cause: 'Lambda throttled the call.',
    remedy: 'If it persists, raise the concurrency quota of the account, or start fewer executions at once.',
  },
  'Lambda.ClientExecutionTimeoutException': {
    cause: 'The connection to Lambda was lost while the function ran.',
    remedy: 'None: it is retried; every step is idempotent.',
  },
  'Lambda.Unknown': {
    cause: 'The function ended without an answer: it usually ran out of memory, or Lambda stopped it.',
    remedy: 'If it persists in MergeDeltas, raise its memory and `/tmp`.',
  },
  'Lambda.CodeArtifactUserPendingException': {
    cause: 'The function was idle, and Lambda is preparing its image again.',
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.CodeArtifactUserDeletedException': {
    cause: 'The function was idle; Lambda deleted its optimised image and is preparing it again.',
    remedy: 'None: it is retried every minute, for ten minutes. If it persists, deploy again.',
  },
  'Lambda.ResourceNotReadyException': {
    cause: 'The function was idle, and its connection to the VPC is being restored.',
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.ResourceConflictException': {
    cause: 'The function is being created or updated.',
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.ENINotReadyException': {
    cause: 'The network interface of the function is not ready yet.',
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.ENILimitReachedException': {
    cause: 'The VPC has no network interface left for the function.',
    remedy:
      'None: it is retried every minute, for ten minutes. If it persists, raise the quota of network interfaces, or remove some.',
  },
  'Lambda.SubnetIPAddressLimitReachedException': {
    cause: 'A subnet of the function has no address left.',
    remedy: 'None: it is retried every minute, for ten minutes. If it persists, free addresses, or use larger subnets.',
  },
  'Lambda.EC2ThrottledException': {
    cause: 'EC2 throttled Lambda while it prepared the function.',
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.EC2UnexpectedException': {
    cause: 'EC2 failed while Lambda prepared the function.',
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.EFSMountConnectivityException': {
    cause: 'The function could not reach the file system over the network.',
    remedy:
      'None: it is retried every minute, for ten minutes. If it persists, compare mount targets and security groups with what the stack deploys.',
  },
  'Lambda.EFSMountFailureException': {
    cause: 'The function could not mount the file system.',
    remedy:
      'None: it is retried every minute, for ten minutes. If it persists, compare access point, policy and role with what the stack deploys.',
  },
  'Lambda.EFSMountTimeoutException': {
    cause: 'The file system answered, but the mount took too long.',
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.EFSIOException': {
    cause: 'The file system failed to read or write.',
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.S3FilesMountConnectivityException': {
    cause: 'The function could not reach an S3 Files access point. No function of this stack mounts one.',
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.S3FilesMountFailureException': {
    cause: 'The function could not mount an S3 Files access point. No function of this stack mounts one.',
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.S3FilesMountTimeoutException': {
    cause: 'The mount of an S3 Files access point took too long. No function of this stack mounts one.',
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.SnapStartNotReadyException': {
    cause: 'Lambda is still initialising the function. No function of this stack uses SnapStart.',
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.SnapStartRegenerationFailureException': {
    cause: "Lambda could not renew the function's snapshot, and tries again. No function of this stack uses SnapStart.",
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.SnapStartTimeoutException': {
    cause: "Restoring the function's snapshot took too long. No function of this stack uses SnapStart.",
    remedy: 'None: it is retried every minute, for ten minutes.',
  },
  'Lambda.ResourceNotFoundException': {
    cause: 'The function does not exist: it was deleted, or the stack was only partly deployed.',
    remedy: 'Deploy again: the function has drifted from the stack.',
  },
  'Lambda.CodeArtifactUserFailedException': {
    cause: "Lambda could not prepare the function's image.",
    remedy: 'Correct the image, and deploy again.',
  },
  'Lambda.NoPublishedVersionException': {
    cause: 'The function has no published version.',
    remedy: 'Deploy again: the function has drifted from the stack.',
  },
  'Lambda.ModeNotSupportedException': {
    cause: 'The function does not allow this kind of invocation.',
    remedy: 'Deploy again: the function has drifted from the stack.',
  },
  'Lambda.InvalidRuntimeException': {
    cause: "Lambda no longer supports the function's runtime.",
    remedy: 'Upgrade, and deploy again.',
  },
  'Lambda.InvalidZipFileException': {
    cause: "Lambda could not unpack the function's code.",
    remedy: 'Deploy again: the function has drifted from the stack.',
  },
  'Lambda.InvalidParameterValueException': {
    cause: 'A parameter of the call, or the role of the function, is not valid.',
    remedy: 'Deploy again: the function has drifted from the stack.',
  },
  'Lambda.InvalidRequestContentException': {
    cause: 'Lambda could not parse the call.',
    remedy: 'Report it: Step Functions sends JSON.',
  },
  'Lambda.UnsupportedMediaTypeException': {
    cause: 'Lambda did not recognise the body of the call as JSON.',
    remedy: 'Report it: Step Functions sends JSON.',
  },
  'Lambda.RequestTooLargeException': {
    cause: 'The input of the state is larger than Lambda accepts.',
    remedy: 'Report it: a state holds counts and references, and stays far below the quota.',
  },
  'Lambda.SerializedRequestEntityTooLargeException': {
    cause: 'The input of the state is larger than Lambda accepts.',
    remedy: 'Report it: a state holds counts and references, and stays far below the quota.',
  },
  'Lambda.EC2AccessDeniedException': {
    cause: 'The role of the function is not allowed to set up its connection to the VPC.',
    remedy: 'Deploy again, or correct the role.',
  },
  'Lambda.InvalidSecurityGroupIDException': {
    cause: 'The security group of the function does not exist.',
    remedy: 'Deploy again: the function has drifted from the stack.',
  },
  'Lambda.InvalidSubnetIDException': {
    cause: 'A subnet of the function does not exist.',
    remedy: 'Deploy again: the function has drifted from the stack.',
  },
  'Lambda.KMSAccessDeniedException': {
    cause: "Lambda is not allowed to use the key that encrypts the function's environment or image.",
    remedy: "Have the account's administrator fix the key or its policy; then start the collection again.",
  },
  'Lambda.KMSDisabledException': {
    cause: "The key that encrypts the function's environment or image is disabled.",
    remedy: "Have the account's administrator fix the key or its policy; then start the collection again.",
  },
  'Lambda.KMSInvalidStateException': {
    cause:
      "The key that encrypts the function's environment or image cannot be used, for example because its deletion is pending.",
    remedy: "Have the account's administrator fix the key or its policy; then start the collection again.",
  },
  'Lambda.KMSNotFoundException': {
    cause: "The key that encrypts the function's environment or image does not exist.",
    remedy: "Have the account's administrator fix the key or its policy; then start the collection again.",
  },
  'Lambda.RecursiveInvocationException': {
    cause: 'Lambda detected a recursive loop and stopped the call.',
    remedy: 'Find what makes commits start executions in a loop; then start the collection again.',
  },
  'Lambda.ServiceQuotaExceededException': {
    cause: 'The call would exceed a quota of the account.',
    remedy: "Have the account's administrator request a higher quota; then start the collection again.",
  },
  'Lambda.SnapStartException': {
    cause: "A hook failed while the function's snapshot was restored. No function of this stack uses SnapStart.",
    remedy: 'Deploy again: the function has drifted from the stack.',
  },
  'Lambda.DurableExecutionAlreadyStartedException': {
    cause: 'A durable execution of that name exists. No function of this stack is durable.',
    remedy: 'Deploy again: the function has drifted from the stack.',
  },
  'Sandbox.Timedout': {
    cause: 'The function reached its own timeout and was stopped.',
    remedy: 'If it persists in MergeDeltas, raise its memory, which also adds CPU, or lower the size of a commit.',
  },
  'Runtime.ExitError': {
    cause: 'The process of the function exited, usually because it ran out of memory.',
    remedy: 'If it persists in MergeDeltas, raise its memory.',
  },
  'Runtime.OutOfMemory': { cause: 'The function used up its memory.', remedy: 'Raise its memory.' },
  'States.Timeout': {
    cause:
      'A task did not end within its `TimeoutSeconds`. The Lambda may still be running; anything it writes is harmless.',
    remedy: 'None: it is retried, or the execution plans again.',
  },
  'States.TaskFailed': {
    cause: 'A task failed with any error but a timeout.',
    remedy: 'Look up the name that the execution reports.',
  },
  'States.ALL': {
    cause: 'Any error that no other rule matches.',
    remedy: 'Look up the name that the execution reports.',
  },
  'StepFunctions.ExecutionAlreadyExistsException': {
    cause: 'An execution with that name was already started.',
    remedy: 'None: the name deduplicates starts.',
  },
} as const satisfies Record<string, CatalogueEntry>;

export type AwsErrorName = keyof typeof AWS_ERROR_CATALOGUE;
