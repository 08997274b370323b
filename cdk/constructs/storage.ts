/** The store: one bucket, whose policy enforces what the protocol relies on. */
import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { AnyPrincipal, Effect, PolicyStatement } from 'aws-cdk-lib/aws-iam';
import { BlockPublicAccess, Bucket, BucketEncryption, ObjectOwnership } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { DeploymentConfig } from '../config.ts';
import type { ObjectPrefix } from '../grants.ts';

/** Kinds of objects that are written once, under a key that is never used again. */
const CREATE_ONLY: readonly ObjectPrefix[] = ['packs/', 'manifests/', 'deltas/', 'rejected/'];
const POINTERS: ObjectPrefix = 'pointers/';

/**
 * Parts of multipart uploads cannot carry conditions, and make nothing visible; completing them can, and does. Only what
 * makes an object appear has this key set to true.
 */
const CREATES_OBJECT = { Bool: { 's3:ObjectCreationOperation': 'true' } };

export class Storage extends Construct {
  readonly bucket: Bucket;

  constructor(scope: Construct, id: string, config: DeploymentConfig) {
    super(scope, id);
    const recovery = Duration.days(config.recoveryDays);
    this.bucket = new Bucket(this, 'Bucket', {
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      // The pointer is the only object that is overwritten and the only one that nothing else can rebuild; packs are only
      // ever deleted. Old versions make both mistakes mendable for `recoveryDays`. See docs/adr/0015.
      versioned: true,
      removalPolicy: RemovalPolicy.RETAIN,
      lifecycleRules: [
        { id: 'abandoned-uploads', abortIncompleteMultipartUploadAfter: Duration.days(2) },
        { id: 'old-versions', noncurrentVersionExpiration: recovery, expiredObjectDeleteMarker: true },
        { id: 'old-rejections', prefix: 'rejected/', expiration: Duration.days(config.rejectionDays) },
      ],
    });
    const absent = (...keys: string[]) => ({ Null: Object.fromEntries(keys.map((key) => [key, 'true'])) });
    this.#deny('CreateOnlyWithoutIfNoneMatch', CREATE_ONLY, { ...absent('s3:if-none-match'), ...CREATES_OBJECT });
    this.#deny('PointerWithoutCondition', [POINTERS], {
      ...absent('s3:if-match', 's3:if-none-match'),
      ...CREATES_OBJECT,
    });
    // Nothing here copies. A copy brings content that nobody has hashed, part by part too.
    this.#deny('NoCopies', [POINTERS, ...CREATE_ONLY], { Null: { 's3:x-amz-copy-source': 'false' } });
  }

  #deny(sid: string, prefixes: readonly ObjectPrefix[], conditions: Record<string, Record<string, string>>): void {
    this.bucket.addToResourcePolicy(
      new PolicyStatement({
        sid,
        effect: Effect.DENY,
        principals: [new AnyPrincipal()],
        actions: ['s3:PutObject'],
        resources: prefixes.map((prefix) => this.bucket.arnForObjects(`${prefix}*`)),
        conditions,
      }),
    );
  }
}
