/** Translates errors of the S3 client by their code: a status alone is ambiguous. */
import {
  CompactorError,
  ConditionalRequestConflictError,
  ConfigurationError,
  CorruptObjectError,
  InvalidInputError,
  ObjectNotFoundError,
  PreconditionFailedError,
  StoreUnavailableError,
  UnsafeStoreError,
} from '../../errors/errors.ts';

/** The code of an error: S3's own, the SDK's name for it, or the network's. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return 'Unknown';
  return error.name === 'Error' && 'code' in error ? String(error.code) : error.name;
}

function statusOf(error: unknown): number {
  const metadata = (error as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata;
  return metadata?.httpStatusCode ?? 0;
}

/** @param store the store's URL @param key the object's key, or the prefix of a listing */
export function translateS3Error(store: string, key: string, error: unknown): CompactorError {
  if (error instanceof CompactorError) return error;
  const options = { cause: error };
  const code = codeOf(error);
  switch (code) {
    case 'PreconditionFailed':
      return new PreconditionFailedError(key, options);
    case 'ConditionalRequestConflict':
    case 'OperationAborted':
      return new ConditionalRequestConflictError(key, options);
    // An answer to HEAD has no body, so a missing bucket looks like a missing key.
    case 'NotFound':
    case 'NoSuchKey':
      return new ObjectNotFoundError(key, options);
    case 'BadDigest':
    case 'IncompleteBody':
    case 'InvalidDigest':
    case 'XAmzContentSHA256Mismatch':
      return new CorruptObjectError(`${store} refused the bytes of "${key}" (${code}). Build the body again.`, options);
    case 'KeyTooLongError':
      return new InvalidInputError(`"${key}" is too long a key for ${store} with its prefix. Shorten it.`, options);
    case 'NoSuchBucket':
      return new ConfigurationError(`The bucket of ${store} does not exist. Create it or correct the URL.`, options);
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
      return new ConfigurationError(`The bucket of ${store} is in another region. Set AWS_REGION to it.`, options);
    // The requests ask for nothing unusual but conditions and digests.
    case 'NotImplemented':
      return new UnsafeStoreError(
        `${store} does not implement what was asked for "${key}": conditional writes, or their digests. Use another store.`,
        options,
      );
    case 'CredentialsProviderError':
      return new ConfigurationError(`There are no AWS credentials for ${store}. Set them, or a profile.`, options);
  }
  return new StoreUnavailableError(`${store} at "${key}": ${code}. ${adviceFor(code, statusOf(error))}`, options);
}

function adviceFor(code: string, status: number): string {
  if (status === 403 || code === 'AccessDenied') {
    return "Access was refused: check the role's policy, the bucket policy and the expected bucket owner.";
  }
  if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
    return `The request was refused (${status}): retrying will not help before its cause is fixed.`;
  }
  return 'The store did not answer or was overloaded; after a write the outcome is unknown. Retry later.';
}
