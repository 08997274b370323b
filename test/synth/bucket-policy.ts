/** S3's answer to a request under a bucket policy, as far as this project's policy goes: what is not modelled, throws. */
import { listOf, type Statement, shown } from './support.ts';

export interface S3Request {
  /** Of the S3 API, e.g. `UploadPart`. */
  operation: string;
  key: string;
  ifMatch?: string | undefined;
  ifNoneMatch?: string | undefined;
  copySource?: string | undefined;
}

/**
 * IAM action of an operation, where it is not simply its name: S3 has one for all ways of writing.
 * Source: Amazon S3 API reference, "Required permissions for Amazon S3 API operations".
 */
export const ACTIONS: Readonly<Record<string, string>> = {
  HeadObject: 'GetObject',
  ListObjectsV2: 'ListBucket',
  CopyObject: 'PutObject',
  CreateMultipartUpload: 'PutObject',
  UploadPart: 'PutObject',
  UploadPartCopy: 'PutObject',
  CompleteMultipartUpload: 'PutObject',
};

/** Operations by which an object appears: `s3:ObjectCreationOperation` is true for these of the actions `s3:PutObject`. */
const CREATING = new Set(['PutObject', 'CopyObject', 'CompleteMultipartUpload']);

type Operator = (actual: string | undefined, expected: string) => boolean;
const OPERATORS: Readonly<Record<string, Operator>> = {
  Null: (actual, expected) => (actual === undefined) === (expected === 'true'),
  Bool: (actual, expected) => actual === expected,
  NumericLessThan: (actual, expected) => actual !== undefined && Number(actual) < Number(expected),
};

/** The name of the statement that refuses the request, if any does. The request comes by TLS 1.3. */
export function refusedBy(statements: readonly Statement[], request: S3Request): string | undefined {
  const { operation, key } = request;
  const action = `s3:${ACTIONS[operation] ?? operation}`;
  const context: Record<string, string | undefined> = {
    'aws:SecureTransport': 'true',
    's3:TlsVersion': '1.3',
    's3:if-match': request.ifMatch,
    's3:if-none-match': request.ifNoneMatch,
    's3:x-amz-copy-source': request.copySource,
    ...(action === 's3:PutObject' ? { 's3:ObjectCreationOperation': String(CREATING.has(operation)) } : {}),
  };
  const refusing = statements.find(
    ({ Effect, Action, Resource, Condition = {} }) =>
      Effect === 'Deny' &&
      listOf(Action).some((pattern) => matches(pattern, action)) &&
      listOf(Resource).some((pattern) => matches(shown(pattern).replace(/^<[^>]+>\/?/, ''), key)) &&
      Object.entries(Condition).every(([operator, keys]) =>
        Object.entries(keys).every(([name, expected]) => {
          const holds = OPERATORS[operator];
          if (holds === undefined || !(name in context || action !== 's3:PutObject')) {
            throw new Error(`This model of S3 does not know ${operator} of ${name}.`);
          }
          return holds(context[name], String(expected));
        }),
      ),
  );
  return refusing && (refusing.Sid ?? JSON.stringify(refusing.Condition));
}

function matches(pattern: string, text: string): boolean {
  const escaped = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${escaped.join('.*')}$`).test(text);
}
