/**
 * Every error that AWS documents for the invocation of a Lambda function, without the prefix `Lambda.` that Step
 * Functions gives it.
 */

/** docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, "Errors", as @aws-sdk/client-lambda 3.1164.0 has them. */
const INVOKE = [
  'CodeArtifactUserDeletedException',
  'CodeArtifactUserFailedException',
  'CodeArtifactUserPendingException',
  'DurableExecutionAlreadyStartedException',
  'EC2AccessDeniedException',
  'EC2ThrottledException',
  'EC2UnexpectedException',
  'EFSIOException',
  'EFSMountConnectivityException',
  'EFSMountFailureException',
  'EFSMountTimeoutException',
  'ENILimitReachedException',
  'ENINotReadyException',
  'InvalidParameterValueException',
  'InvalidRequestContentException',
  'InvalidRuntimeException',
  'InvalidSecurityGroupIDException',
  'InvalidSubnetIDException',
  'InvalidZipFileException',
  'KMSAccessDeniedException',
  'KMSDisabledException',
  'KMSInvalidStateException',
  'KMSNotFoundException',
  'ModeNotSupportedException',
  'NoPublishedVersionException',
  'RecursiveInvocationException',
  'RequestTooLargeException',
  'ResourceConflictException',
  'ResourceNotFoundException',
  'ResourceNotReadyException',
  'S3FilesMountConnectivityException',
  'S3FilesMountFailureException',
  'S3FilesMountTimeoutException',
  'SerializedRequestEntityTooLargeException',
  'ServiceException',
  'ServiceQuotaExceededException',
  'SnapStartException',
  'SnapStartNotReadyException',
  'SnapStartRegenerationFailureException',
  'SnapStartTimeoutException',
  'SubnetIPAddressLimitReachedException',
  'TooManyRequestsException',
  'UnsupportedMediaTypeException',
];
/** docs.aws.amazon.com/step-functions/latest/dg/bp-lambda-serviceexception.html */
const STEP_FUNCTIONS = ['AWSLambdaException', 'SdkClientException', 'ClientExecutionTimeoutException', 'Unknown'];

export const LAMBDA_ERRORS: readonly string[] = [...INVOKE, ...STEP_FUNCTIONS].map((name) => `Lambda.${name}`);

/** The same page, on what to retry; and Lambda's quotas, on throttling. */
export const LAMBDA_SERVICE: readonly string[] = [
  ...STEP_FUNCTIONS,
  'ServiceException',
  'TooManyRequestsException',
].map((name) => `Lambda.${name}`);

/** What idle functions, and those with a VPC, a file system or an image, fail with until they are ready. */
export const NOT_READY = [
  'CodeArtifactUserPendingException',
  'ResourceNotReadyException',
  'ENINotReadyException',
  'EC2ThrottledException',
  'EFSMountTimeoutException',
  'EFSMountConnectivityException',
  'EFSMountFailureException',
  'EFSIOException',
].map((name) => `Lambda.${name}`);
