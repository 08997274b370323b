/** The part of Chroma's filters that the model of the engine knows. */
import type { EngineRecord, RecordFilter } from '../../lambdas/ports.ts';

type Value = string | number | boolean;

type Comparison = (actual: Value | undefined, wanted: Value) => boolean;

const COMPARE: Readonly<Record<string, Comparison>> = {
  $eq: (actual, wanted) => actual === wanted,
  $ne: (actual, wanted) => actual !== wanted,
  $gt: (actual, wanted) => actual !== undefined && actual > wanted,
  $gte: (actual, wanted) => actual !== undefined && actual >= wanted,
  $lt: (actual, wanted) => actual !== undefined && actual < wanted,
  $lte: (actual, wanted) => actual !== undefined && actual <= wanted,
};

export function matches(record: EngineRecord, { where, whereDocument }: RecordFilter): boolean {
  if (whereDocument !== undefined && !record.document?.includes(String(whereDocument.$contains))) return false;
  return where === undefined || matchesWhere(record, where);
}

function matchesWhere(record: EngineRecord, where: Record<string, unknown>): boolean {
  return Object.entries(where).every(([key, wanted]) => {
    if (key === '$and') return (wanted as Array<Record<string, unknown>>).every((one) => matchesWhere(record, one));
    if (key === '$or') return (wanted as Array<Record<string, unknown>>).some((one) => matchesWhere(record, one));
    const actual = (record.metadata?.[key] ?? undefined) as Value | undefined;
    if (typeof wanted !== 'object' || wanted === null) return actual === wanted;
    return Object.entries(wanted).every(([operator, operand]) =>
      operator === '$in'
        ? (operand as Value[]).includes(actual as Value)
        : COMPARE[operator]?.(actual, operand as Value),
    );
  });
}

/** Only the columns asked for; all of them without a word. */
export function asked<Found extends EngineRecord>(record: Found, { include }: RecordFilter): Found {
  if (include === undefined) return record;
  const { embedding, metadata, document, ...rest } = record;
  return {
    ...rest,
    ...(include.includes('embeddings') && embedding && { embedding }),
    ...(include.includes('metadatas') && metadata && { metadata }),
    ...(include.includes('documents') && document !== undefined && { document }),
  } as Found;
}
