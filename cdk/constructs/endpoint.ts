/**
 * Chroma's API by a URL, from the image of MergeDeltas. It is in no network: it needs Secrets Manager, to which no gateway
 * leads. What an answer is made of is kept in the container's memory and `/tmp`, so these bound what it has open.
 */
import { Duration, RemovalPolicy, Size, Stack } from 'aws-cdk-lib';
import { PolicyStatement } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { DockerImageFunction, FunctionUrlAuthType, type IFunction, InvokeMode } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { type ISecret, Secret } from 'aws-cdk-lib/aws-secretsmanager';
import { Construct } from 'constructs';
import { explain } from '../acknowledgements.ts';
import { servedCollections } from '../checks.ts';
import { ENDPOINT_GRANTS } from '../grants.ts';
import { findHandlers } from '../handlers.ts';
import { ENDPOINT_MODULE } from '../verbs.ts';
import { commonOptions, environmentFor, imageCode } from './functions.ts';
import { type GrantedProps, makeRole } from './roles.ts';

const NAME = 'ServeEndpoint';
/** 285 bits of letters and digits. */
const TOKEN_LENGTH = 48;

export interface EndpointProps extends GrantedProps {
  /** Encrypts the token. Default: the account's key for Secrets Manager. */
  key?: IKey | undefined;
}

export class Endpoint extends Construct {
  readonly function: IFunction;
  /** `https://...`, with a slash at its end. */
  readonly url: string;
  /** What clients send; none when callers sign their requests. */
  readonly token: ISecret | undefined;

  constructor(scope: Construct, id: string, { key, ...props }: EndpointProps) {
    super(scope, id);
    const { config } = props;
    const logGroup = new LogGroup(this, 'Logs', {
      retention: config.logRetentionDays,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const grants = ENDPOINT_GRANTS;
    const role = makeRole(this, { name: NAME, grants, logGroup, usesCache: false }, props);
    const hasToken = config.endpointAuth === 'token';
    this.token = hasToken ? this.#makeToken(key) : undefined;
    if (this.token !== undefined) for (const statement of readToken(this.token, key)) role.addToPolicy(statement);
    const made = new DockerImageFunction(this, NAME, {
      ...commonOptions(config),
      description: `chroma-compactor: ${NAME}`,
      role,
      logGroup,
      timeout: Duration.seconds(config.endpointTimeoutSeconds),
      memorySize: config.endpointMemoryMiB,
      ephemeralStorageSize: Size.mebibytes(config.endpointTmpMiB),
      ...(config.endpointConcurrency === undefined ? {} : { reservedConcurrentExecutions: config.endpointConcurrency }),
      environment: {
        ...environmentFor(grants, props),
        ENDPOINT_READ_LEVEL: config.endpointReadLevel,
        ENDPOINT_MAX_SERVERS: String(servedCollections(config)),
        ENDPOINT_MAX_BATCH_SIZE: String(config.endpointMaxBatchSize),
        ...(this.token === undefined ? {} : { ENDPOINT_TOKEN_SECRET: this.token.secretArn }),
      },
      code: imageCode(findHandlers(), config, `${ENDPOINT_MODULE}.handler`),
    });
    this.function = made;
    this.url = made.addFunctionUrl({
      authType: hasToken ? FunctionUrlAuthType.NONE : FunctionUrlAuthType.AWS_IAM,
      invokeMode: InvokeMode.BUFFERED,
    }).url;
  }

  /** Made by Secrets Manager when the stack is deployed: neither this app nor the template ever has it. */
  #makeToken(encryptionKey: IKey | undefined): Secret {
    const token = new Secret(this, 'Token', {
      description: 'Token of the Chroma endpoint: X-Chroma-Token, or Authorization: Bearer',
      generateSecretString: { passwordLength: TOKEN_LENGTH, excludePunctuation: true },
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
      removalPolicy: RemovalPolicy.DESTROY,
    });
    explain(
      token,
      'AwsSolutions-SMG4',
      'Clients have to be given a new token, so it changes when its owner says so: docs/deploy.md, "The endpoint".',
    );
    return token;
  }
}

/** Nothing but its value. */
function readToken({ secretArn }: ISecret, key: IKey | undefined): PolicyStatement[] {
  const read = new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [secretArn] });
  if (key === undefined) return [read];
  const conditions = {
    StringEquals: { 'kms:ViaService': `secretsmanager.${Stack.of(key).region}.amazonaws.com` },
  };
  return [read, new PolicyStatement({ actions: ['kms:Decrypt'], resources: [key.keyArn], conditions })];
}
