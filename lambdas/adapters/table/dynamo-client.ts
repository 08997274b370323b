/**
 * DynamoDB as the adapters of `LockTable` and `StatusTable` see it: items by `collection` and `item`, consistent reads,
 * and conditional writes that are either done or refused with the item that stood in the way.
 *
 * The SDK retries reads and writes alike. A write that is sent again after its response was lost may be refused by its
 * own success; what that means differs from write to write, and each method of the adapters says it.
 */
import {
  type AttributeValue,
  ConditionalCheckFailedException,
  DeleteItemCommand,
  DynamoDBClient,
  type DynamoDBClientConfig,
  DynamoDBServiceException,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ResourceNotFoundException,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import { ConfigurationError, CorruptObjectError, TableUnavailableError } from '../../errors/errors.ts';

/** Longest wait for one answer, in milliseconds: well below every Lambda's own timeout. */
const REQUEST_TIMEOUT_MS = 3_000;
const CONNECTION_TIMEOUT_MS = 1_000;
const MAX_ATTEMPTS = 4;

/** Client errors by which DynamoDB asks for less, not for something else. */
const THROTTLING = new Set([
  'LimitExceededException',
  'ProvisionedThroughputExceededException',
  'RequestLimitExceeded',
  'ThrottlingException',
  'TransactionConflictException',
]);

/** Errors that only a human can fix: who we are, and what we may do. */
const UNAUTHORISED = new Set([
  'AccessDeniedException',
  'CredentialsProviderError',
  'ExpiredTokenException',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'UnrecognizedClientException',
]);

/** Attributes of one item as plain values; only strings and numbers are ever written. */
export type PlainItem = Record<string, unknown>;

export interface ConditionalUpdate {
  /** Expressions name attributes as `#name` and values as `:name`. */
  update: string;
  condition: string;
  values: Record<string, string | number>;
  /** Which item a done update answers with: as it was before, or as it is now. */
  returns: 'ALL_OLD' | 'ALL_NEW';
}

/** Done, with the item asked for; or refused, with the item that stood in the way. */
export type Attempt = { done: true; item: PlainItem } | { done: false; item: PlainItem | undefined };

/**
 * A client with bounded waits. The SDK itself honours `AWS_ENDPOINT_URL_DYNAMODB`.
 * @example const client = createDynamoClient(local.clientConfig);
 */
export function createDynamoClient(config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({
    maxAttempts: MAX_ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      throwOnRequestTimeout: true,
    },
    ...config,
  });
}

/** The items of one table. Methods throw `TableUnavailableError` and `ConfigurationError`. */
export class DynamoItems {
  readonly tableName: string;
  readonly #client: DynamoDBClient;

  constructor(client: DynamoDBClient, tableName: string) {
    this.#client = client;
    this.tableName = tableName;
  }

  /** Consistent read of one item. */
  async read(collection: string, item: string): Promise<PlainItem | undefined> {
    const command = new GetItemCommand({ ...this.#at(collection, item), ConsistentRead: true });
    const { Item } = await this.call((client) => client.send(command));
    return Item && toPlain(Item);
  }

  /** One conditional update. */
  update(collection: string, item: string, { update, condition, values, returns }: ConditionalUpdate) {
    const command = new UpdateItemCommand({
      ...this.#at(collection, item),
      UpdateExpression: update,
      ConditionExpression: condition,
      ExpressionAttributeNames: namesIn(update, condition),
      ExpressionAttributeValues: toAttributes(values),
      ReturnValues: returns,
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    return this.#attempt(collection, item, (client) => client.send(command));
  }

  /** Create-only write of one item. */
  create(collection: string, item: string, attributes: Record<string, string | number>) {
    const condition = 'attribute_not_exists(#collection)';
    const command = new PutItemCommand({
      TableName: this.tableName,
      Item: { ...toAttributes(attributes), ...toAttributes({ collection, item }) },
      ConditionExpression: condition,
      ExpressionAttributeNames: namesIn(condition),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    return this.#attempt(collection, item, (client) => client.send(command));
  }

  /** Names of all items of a collection, page by page; consistent. */
  async *list(collection: string): AsyncGenerator<string[], void, undefined> {
    let start: Record<string, AttributeValue> | undefined;
    do {
      const condition = '#collection = :collection';
      const command = new QueryCommand({
        TableName: this.tableName,
        ConsistentRead: true,
        KeyConditionExpression: condition,
        ProjectionExpression: '#item',
        ExpressionAttributeNames: namesIn(condition, '#item'),
        ExpressionAttributeValues: toAttributes({ ':collection': collection }),
        ...(start !== undefined && { ExclusiveStartKey: start }),
      });
      const { Items = [], LastEvaluatedKey } = await this.call((client) => client.send(command));
      yield Items.map((found) => String(toPlain(found).item));
      start = LastEvaluatedKey;
    } while (start !== undefined);
  }

  /** An absent item is success. */
  async remove(collection: string, item: string): Promise<void> {
    const command = new DeleteItemCommand(this.#at(collection, item));
    await this.call((client) => client.send(command));
  }

  /** Any other call, with its errors mapped. */
  async call<Output>(send: (client: DynamoDBClient) => Promise<Output>): Promise<Output> {
    try {
      return await send(this.#client);
    } catch (error) {
      throw translated(error, this.tableName);
    }
  }

  async #attempt(
    collection: string,
    item: string,
    send: (client: DynamoDBClient) => Promise<{ Attributes?: Record<string, AttributeValue> }>,
  ): Promise<Attempt> {
    try {
      const { Attributes = {} } = await this.call(send);
      return { done: true, item: toPlain(Attributes) };
    } catch (error) {
      if (!(error instanceof ConditionalCheckFailedException)) throw error;
      // No item comes back when there is none, and from endpoints that do not know the option.
      const standing = error.Item === undefined ? await this.read(collection, item) : toPlain(error.Item);
      return { done: false, item: standing };
    }
  }

  #at(collection: string, item: string) {
    return { TableName: this.tableName, Key: toAttributes({ collection, item }) };
  }
}

export function toAttributes(values: Record<string, string | number>): Record<string, AttributeValue> {
  const entries = Object.entries(values).map(([name, value]): [string, AttributeValue] => [
    name,
    typeof value === 'string' ? { S: value } : { N: String(value) },
  ]);
  return Object.fromEntries(entries);
}

export function toPlain(attributes: Record<string, AttributeValue>): PlainItem {
  const entries = Object.entries(attributes).map(([name, value]) => [
    name,
    value.N === undefined ? (value.S ?? value) : Number(value.N),
  ]);
  return Object.fromEntries(entries);
}

/** DynamoDB refuses names that an expression does not use, and reserves words such as `owner` and `token`. */
function namesIn(...expressions: string[]): Record<string, string> {
  const used = expressions.join(' ').matchAll(/#(\w+)/g);
  return Object.fromEntries(Array.from(used, ([placeholder, name = '']) => [placeholder, name]));
}

function translated(error: unknown, tableName: string): unknown {
  if (!(error instanceof Error) || error instanceof ConditionalCheckFailedException) return error;
  const options = { cause: error };
  const because = `${error.name}: ${error.message}`;
  if (error instanceof ResourceNotFoundException) {
    const advice = 'deploy the stack, or start the local stack and use its endpoint and table name';
    return new ConfigurationError(`Table "${tableName}" does not exist here: ${advice}.`, options);
  }
  if (UNAUTHORISED.has(error.name)) {
    const advice = 'check the credentials and the policy of the role in use';
    return new ConfigurationError(`Table "${tableName}" may not be used (${because}): ${advice}.`, options);
  }
  if (error.name === 'ValidationException') {
    // Our expressions are fixed and tested: it is the item that is not as it should be.
    const advice = 'Compare it with docs/format.md, and delete a damaged LOCK item: that loses nothing';
    return new CorruptObjectError(`An item of table "${tableName}" is damaged (${because}). ${advice}.`, options);
  }
  if (!isUnavailable(error)) return error;
  const advice = 'A write may or may not have been done; retry, and check the health of the table if this goes on.';
  return new TableUnavailableError(`Table "${tableName}" did not answer (${because}). ${advice}`, options);
}

/** Throttled, 5xx, or anything that went wrong on the wire (the SDK leaves `$metadata` on what it sent). */
function isUnavailable(error: Error): boolean {
  if (error instanceof DynamoDBServiceException) return error.$fault === 'server' || THROTTLING.has(error.name);
  return '$metadata' in error || 'code' in error || error.name === 'TimeoutError';
}
