/** Cause and remedy of every kind of rejection, for docs/reference/errors.md and `compactor explain`. */
import type { CatalogueEntry } from '../errors/error-catalogue.ts';
import { MAX_DELTA_BYTES, MAX_DELTA_LINES, MAX_DELTA_VALUES } from './delta.ts';
import { MAX_METADATA_VALUES, MAX_TEXT_LENGTH } from './metadata.ts';
import type { REJECTION } from './operation.ts';

const MIB = 1024 * 1024;

export type RejectionName = (typeof REJECTION)[keyof typeof REJECTION];

export interface RejectionEntry extends CatalogueEntry {
  /** What is not applied: only the line, or the delta as a whole. */
  rejects: 'line' | 'delta';
}

export const REJECTION_CATALOGUE = {
  MalformedLine: {
    rejects: 'line',
    cause: 'The line is not JSON (NaN and Infinity are not JSON either).',
    remedy: 'Write one JSON object per line.',
  },
  UnknownOperation: {
    rejects: 'line',
    cause: '`op` is missing, or none of `upsert`, `update` and `delete`.',
    remedy: 'Give `op` the value `upsert`, `update` or `delete`.',
  },
  InvalidId: {
    rejects: 'line',
    cause: `The record's \`id\` is missing, empty, longer than ${MAX_TEXT_LENGTH / MIB} Mi characters, or not well-formed text.`,
    remedy: 'Give the record another id.',
  },
  MissingEmbedding: {
    rejects: 'line',
    cause: 'An `upsert` has no `embedding`.',
    remedy: 'Send the embedding, or use `update` to change a record without one.',
  },
  InvalidEmbedding: {
    rejects: 'line',
    cause:
      'The embedding is neither a list of finite 32-bit floats nor base64 of their bytes, or its square exceeds a 32-bit float.',
    remedy: 'Look for infinite or huge numbers in the model that made it.',
  },
  WrongDimension: {
    rejects: 'line',
    cause: 'The number of elements of the embedding differs from the dimension of the collection.',
    remedy: 'Use the model that the collection was created for; another dimension needs another collection.',
  },
  InvalidMetadata: {
    rejects: 'line',
    cause: `A value is of a kind that Chroma does not store: nested, mixed or empty lists, integers beyond 64 bits, sparse vectors; a key is empty or begins with \`chroma:\`, \`$\` or \`#\`; or there are more than ${MAX_METADATA_VALUES} values.`,
    remedy: 'The reason names the key. Flatten nested values, rename reserved keys, send larger integers as text.',
  },
  InvalidDocument: {
    rejects: 'line',
    cause: `\`document\` is not well-formed text, or has more than ${MAX_TEXT_LENGTH / MIB} Mi characters.`,
    remedy: 'Send text without lone surrogates; split long documents.',
  },
  InvalidOperation: {
    rejects: 'line',
    cause: 'The operation has an unknown field, or an `update` changes nothing.',
    remedy: 'Remove the field, or say what to change.',
  },
  NotADelta: {
    rejects: 'delta',
    cause: 'The object is not UTF-8 text, holds no operation, or is compressed and cannot be decompressed.',
    remedy: 'Send JSON Lines, as they are or as one zstd frame or gzip file, under a new id.',
  },
  DeltaTooLarge: {
    rejects: 'delta',
    cause: `The object is larger than ${MAX_DELTA_BYTES / MIB} MiB, stored or decompressed, has more than ${MAX_DELTA_LINES.toLocaleString('en')} lines, or more than ${MAX_DELTA_VALUES.toLocaleString('en')} metadata values.`,
    remedy: 'Send it as several deltas.',
  },
  RecordNotFound: {
    rejects: 'line',
    cause: 'An `update` names a record that is not in the collection.',
    remedy: 'Use `upsert`, or wait until the delta that adds the record is applied.',
  },
  RejectedByEngine: {
    rejects: 'line',
    cause:
      'Chroma refused this line three times when it was sent alone; or, as line 0, it refused the delta three times, and none of its lines.',
    remedy: 'The reason quotes Chroma. Correct the line and send it under a new id.',
  },
  SetAside: {
    rejects: 'delta',
    cause:
      'Three merges of the delta alone failed for a reason other than its content (time, memory, a crash), while the engine worked without it.',
    remedy:
      'No fault in it is known, and its content is kept. Give merges more memory or time, then `compactor aside <collection> <deltaId> --retry`; or send it as several smaller ones under new ids.',
  },
  DeltaIdReusedError: {
    rejects: 'delta',
    cause: 'The id was decided before, for other content.',
    remedy: 'Send it under a new id. The report is at `<id>~<sha256>`.',
  },
} as const satisfies Record<RejectionName, RejectionEntry>;
