/** The store: one bucket, whose policy enforces what the protocol relies on. */
import { Annotations, Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  CfnBucket,
  type IBucket,
  type LifecycleRule,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { explain } from '../acknowledgements.ts';
import { NAME_PREFIXES, type ObjectPrefix } from '../grants.ts';
import type { DeploymentConfig } from '../settings.ts';

/** Prefixes of objects that are written once, under a key that is never used again. */
const CREATE_ONLY: readonly ObjectPrefix[] = ['packs/', 'manifests/', 'deltas/', 'rejected/', 'aside/'];
const POINTERS: ObjectPrefix = 'pointers/';

/**
 * Parts of multipart uploads cannot carry conditions, and make nothing visible; the completing request can carry them,
 * and does. This key is true only for requests that make an object appear.
 */
const CREATES_OBJECT = { Bool: { 's3:ObjectCreationOperation': 'true' } };

export interface StorageProps {
  config: DeploymentConfig;
  /** An existing bucket, for this store alone. Default: a new one. */
  given?: IBucket | undefined;
  /** Encrypts a new bucket. Default: S3's own keys. */
  key?: IKey | undefined;
}

export class Storage extends Construct {
  readonly bucket: IBucket;
  /** Whether the bucket was made here. */
  readonly isOwn: boolean;
  /** Encrypts its objects; `undefined` if S3's own keys do. */
  readonly key: IKey | undefined;

  constructor(scope: Construct, id: string, { config, given, key }: StorageProps) {
    super(scope, id);
    const rules = lifecycleRules(config);
    this.isOwn = given === undefined;
    this.bucket = given ?? this.#makeBucket(rules, key);
    this.key = this.bucket.encryptionKey;
    if (given !== undefined) this.#prepare(given, rules);
    const refused = storePolicy(this.bucket).filter(
      (statement) => !this.bucket.addToResourcePolicy(statement).statementAdded,
    );
    if (refused.length > 0) this.#warn('policy', `its policy lacks ${refused.map(({ sid }) => sid).join(', ')}`);
  }

  #makeBucket(lifecycleRules: LifecycleRule[], key: IKey | undefined): Bucket {
    const bucket = new Bucket(this, 'Bucket', {
      ...(key === undefined
        ? { encryption: BucketEncryption.S3_MANAGED }
        : { encryption: BucketEncryption.KMS, encryptionKey: key, bucketKeyEnabled: true }),
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      // The pointer is the only object that is overwritten, and the only one that cannot be rebuilt from anything else;
      // packs are only ever deleted. Old versions make both kinds of mistakes reversible for `recoveryDays`. See
      // docs/adr/0015.
      versioned: true,
      // The bucket outlives the stack, but not a first deployment that fails: it is empty then, and would be left
      // behind.
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
      lifecycleRules,
    });
    explain(
      bucket,
      'AwsSolutions-S1',
      'Every write is conditional and versioned, and each role reaches its own prefixes only; CloudTrail data events say ' +
        'who did what, and cost nothing until a team switches them on.',
    );
    return bucket;
  }

  /** @throws Error if the bucket is known not to be versioned */
  #prepare(bucket: IBucket, rules: readonly LifecycleRule[]): void {
    const made = bucket.node.defaultChild;
    if (!(made instanceof CfnBucket)) {
      this.#warn('imported', 'whether it keeps versions, and for how long, cannot be seen from this app');
      return;
    }
    const versioning = made.versioningConfiguration as CfnBucket.VersioningConfigurationProperty | undefined;
    if (versioning?.status !== 'Enabled') {
      throw new Error(
        `The bucket "${bucket.node.path}" keeps no versions, by which a lost pointer is restored: make it with ` +
          '`versioned: true`.',
      );
    }
    for (const rule of rules) (bucket as Bucket).addLifecycleRule(rule);
  }

  #warn(id: string, what: string): void {
    Annotations.of(this).addWarningV2(
      `@chroma-compactor/cdk:${id}`,
      `Of the bucket "${this.bucket.node.path}", which is not made in this app, ${what}: see ` +
        'docs/how-to/deploy-in-your-own-app.md, "A bucket of your own".',
    );
  }
}

function lifecycleRules(config: DeploymentConfig): LifecycleRule[] {
  return [
    { id: 'abandoned-uploads', abortIncompleteMultipartUploadAfter: Duration.days(2) },
    {
      id: 'old-versions',
      noncurrentVersionExpiration: Duration.days(config.recoveryDays),
      expiredObjectDeleteMarker: true,
    },
    // A settled delta leaves a version and a delete marker, which every listing has to skip. See docs/adr/0029.
    {
      id: 'old-inbox',
      prefix: 'deltas/',
      noncurrentVersionExpiration: Duration.days(config.inboxRecoveryDays),
      expiredObjectDeleteMarker: true,
    },
    { id: 'old-rejections', prefix: 'rejected/', expiration: Duration.days(config.rejectionDays) },
  ];
}

/** What a bucket must refuse, whoever sends the request, for the protocol to hold. */
export function storePolicy(bucket: IBucket): PolicyStatement[] {
  const deny = (
    sid: string,
    prefixes: readonly ObjectPrefix[],
    conditions: Record<string, Record<string, string>>,
  ): PolicyStatement =>
    new PolicyStatement({
      sid,
      effect: Effect.DENY,
      principals: [new AnyPrincipal()],
      actions: ['s3:PutObject'],
      resources: prefixes.map((prefix) => bucket.arnForObjects(`${prefix}*`)),
      conditions,
    });
  const absent = (...keys: string[]) => ({ Null: Object.fromEntries(keys.map((key) => [key, 'true'])) });
  return [
    deny('CreateOnlyWithoutIfNoneMatch', CREATE_ONLY, { ...absent('s3:if-none-match'), ...CREATES_OBJECT }),
    deny('PointerWithoutCondition', [POINTERS], {
      ...absent('s3:if-match', 's3:if-none-match'),
      ...CREATES_OBJECT,
    }),
    deny('NameWithoutCondition', NAME_PREFIXES, {
      ...absent('s3:if-match', 's3:if-none-match'),
      ...CREATES_OBJECT,
    }),
    // Nothing here copies objects. A copy, even of a single part, brings in content that nobody has hashed.
    deny('NoCopies', [POINTERS, ...NAME_PREFIXES, ...CREATE_ONLY], { Null: { 's3:x-amz-copy-source': 'false' } }),
  ];
}
