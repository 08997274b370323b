/** Records as the columns of a request to Chroma, and back. */
import type { EngineRecord, Metadata, MetadataValue } from '../../ports.ts';
import { MAX_METADATA_VALUES, MAX_TEXT_LENGTH } from '../../snapshot/metadata.ts';
import { column } from './requests.ts';

/**
 * Groups of records that can share a request: no id occurs twice, all or none have an embedding, all or none a
 * document, and no record has more values than Chroma puts into one statement. What is sent for one id stays in order.
 */
export function groups(records: readonly EngineRecord[]): EngineRecord[][] {
  const found = new Map<number, EngineRecord[]>();
  const seen = new Map<string, number>();
  for (const record of records.flatMap(inParts)) {
    const round = seen.get(record.id) ?? 0;
    seen.set(record.id, round + 1);
    const key = round * SHAPES + shape(record);
    const group = found.get(key);
    if (group === undefined) found.set(key, [record]);
    else group.push(record);
  }
  return [...found].sort(([a], [b]) => a - b).map(([, group]) => group);
}

/**
 * Patches that together have the same effect, since metadata is merged key by key: folding the operations of a record
 * may produce many values, or much text. The document goes with the first patch.
 */
function inParts(record: EngineRecord): EngineRecord[] {
  const entries = Object.entries(record.metadata ?? {});
  const parts: Array<Array<[string, MetadataValue | null]>> = [];
  let [values, characters] = [Number.POSITIVE_INFINITY, 0];
  for (const entry of entries) {
    values += valuesIn(entry[1]);
    characters += charactersIn(entry);
    if (values > MAX_METADATA_VALUES || characters > MAX_TEXT_LENGTH) {
      parts.push([]);
      values = valuesIn(entry[1]);
      characters = charactersIn(entry);
    }
    parts.at(-1)?.push(entry);
  }
  if (parts.length <= 1) return [record];
  const { document: _document, ...rest } = record;
  return parts.map((part, n) => ({ ...(n === 0 ? record : rest), metadata: Object.fromEntries(part) }));
}

function valuesIn(value: MetadataValue | null): number {
  return Array.isArray(value) ? value.length : 1;
}

function charactersIn([key, value]: [string, MetadataValue | null]): number {
  const texts = (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string');
  return texts.reduce((sum, text) => sum + text.length, key.length);
}

export function holdsList({ metadata = {} }: EngineRecord): boolean {
  return Object.values(metadata).some(Array.isArray);
}

/** Which fields a record has, as bits. Metadata without keys counts as absent. */
export function shape({ embedding, metadata, document }: EngineRecord): number {
  const hasMetadata = metadata !== undefined && Object.keys(metadata).length > 0;
  return Number(embedding !== undefined) + 2 * Number(hasMetadata) + 4 * Number(document !== undefined);
}
const SHAPES = 8;

/**
 * @param records All with the same fields.
 * @param embed Encodes the embeddings.
 */
export function toColumns(
  records: readonly EngineRecord[],
  embed: (embedding: readonly number[]) => unknown = (embedding) => embedding,
): Record<string, unknown[]> {
  const bits = records[0] === undefined ? 0 : shape(records[0]);
  return {
    ids: records.map(({ id }) => id),
    // Older servers require this member.
    embeddings: records.map(({ embedding }) => (embedding === undefined ? null : embed(embedding))),
    ...(bits & 2 && { metadatas: records.map(({ metadata }) => metadata) }),
    ...(bits & 4 && { documents: records.map(({ document }) => document) }),
  };
}

interface Row {
  id: string;
  embedding?: number[] | null | undefined;
  metadata?: Metadata | null | undefined;
  document?: string | null | undefined;
}

function toRecord({ id, embedding, metadata, document }: Row): EngineRecord {
  return {
    id,
    ...(embedding && { embedding }),
    ...(metadata && Object.keys(metadata).length > 0 && { metadata }),
    ...(typeof document === 'string' && { document }),
  };
}

/** The records in an answer to `get`. */
export function toRecords(answer: ReadonlyMap<string, string>): EngineRecord[] {
  const embeddings = column<number[] | null>(answer, 'embeddings');
  const metadatas = column<Metadata | null>(answer, 'metadatas');
  const documents = column<string | null>(answer, 'documents');
  return column<string>(answer, 'ids').map((id, n) =>
    toRecord({ id, embedding: embeddings[n], metadata: metadatas[n], document: documents[n] }),
  );
}

/** The neighbours in an answer to a `query` with one embedding. */
export function toNeighbours(answer: ReadonlyMap<string, string>): Array<EngineRecord & { distance: number }> {
  const [ids = []] = column<string[]>(answer, 'ids');
  const [embeddings = []] = column<Array<number[] | null>>(answer, 'embeddings');
  const [metadatas = []] = column<Array<Metadata | null>>(answer, 'metadatas');
  const [documents = []] = column<Array<string | null>>(answer, 'documents');
  const [distances = []] = column<Array<number | null>>(answer, 'distances');
  return ids.map((id, n) => ({
    ...toRecord({ id, embedding: embeddings[n], metadata: metadatas[n], document: documents[n] }),
    distance: distances[n] ?? Number.NaN,
  }));
}
