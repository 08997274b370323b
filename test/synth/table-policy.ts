/**
 * DynamoDB's answer to an update under the policy of a role, as far as this project's statements go: what is not modelled,
 * throws. `dynamodb:Attributes` holds the attributes that a request names: the key's, those that are written, and those
 * that are "evaluated in a conditional write"; which item they belong to, and what comes back (`dynamodb:ReturnValues` is
 * a key of its own), it does not say.
 * Source: Amazon DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained access control".
 */
import { listOf, type Statement } from './support.ts';

/** What of an UpdateItem request counts here. */
export interface TableUpdate {
  Key: Record<string, unknown>;
  UpdateExpression?: string | undefined;
  ConditionExpression?: string | undefined;
  ExpressionAttributeNames?: Record<string, string> | undefined;
}

const KEYWORDS = new Set(['SET', 'REMOVE', 'ADD', 'DELETE', 'AND', 'OR', 'NOT', 'BETWEEN', 'IN']);

/** Names of all attributes that the request names, placeholders resolved, sorted. */
export function attributesOf({ Key, ExpressionAttributeNames = {}, ...update }: TableUpdate): string[] {
  const text = `${update.UpdateExpression ?? ''} ${update.ConditionExpression ?? ''}`;
  const named = Array.from(text.matchAll(/([#:]?)\b([A-Za-z_]\w*)(\s*\()?/g)).flatMap(([, sigil, word = '', call]) => {
    if (sigil === ':' || call !== undefined || KEYWORDS.has(word.toUpperCase())) return [];
    if (sigil === '') return [word];
    const resolved = ExpressionAttributeNames[`#${word}`];
    if (resolved === undefined) throw new Error(`The update does not say what #${word} is.`);
    return [resolved];
  });
  return [...new Set([...Object.keys(Key), ...named])].sort();
}

/** Whether a role with these statements may send the update. Nothing is allowed that no statement allows. */
export function allowsUpdate(statements: readonly Statement[], update: TableUpdate): boolean {
  const attributes = attributesOf(update);
  return statements
    .filter(({ Action }) => listOf(Action).includes('dynamodb:UpdateItem'))
    .some(({ Effect, Condition = {} }) => {
      if (Effect !== 'Allow') throw new Error('This model of DynamoDB knows statements that allow.');
      return Object.entries(Condition).every(([operator, keys]) =>
        Object.entries(keys).every(([name, allowed]) => {
          if (operator !== 'ForAllValues:StringEquals' || name !== 'dynamodb:Attributes') {
            throw new Error(`This model of DynamoDB does not know ${operator} of ${name}.`);
          }
          return attributes.every((attribute) => listOf(allowed as string | string[]).includes(attribute));
        }),
      );
    });
}
