/** What a snapshot must still be like after many small compactions (ADR 0024), and whether it is. */
import type { FragmentationDocument, Hydrates, Row, Worst } from './document.ts';

const MIB = 1024 * 1024;

export function worstOf(rows: readonly Row[]): Worst {
  const most = (of: (row: Row) => number) => rows.reduce((most, row) => Math.max(most, of(row)), 0);
  return {
    storedRawOfSnapshot: round(most(({ storedRawBytes, snapshotBytes }) => storedRawBytes / snapshotBytes)),
    manifestBytes: most(({ manifestBytes }) => manifestBytes),
    packs: most(({ packs }) => packs),
    extents: most(({ extents }) => extents),
  };
}

/**
 * @param last version of the history
 * @param hydrates Of it, and of the same content written whole.
 */
export function fragmentationBounds(worst: Worst, last: Row, hydrates: Hydrates): FragmentationDocument['bounds'] {
  const { fragmented, fresh, freshStoredBytes } = hydrates;
  const bound = (name: string, value: number, limit: number, timing = false) => ({
    name,
    limit: `<= ${limit}`,
    value: round(value),
    holds: value <= limit,
    timing,
  });
  return [
    bound(
      'stored bytes of the live version, decompressed, of its size, after any compaction',
      worst.storedRawOfSnapshot,
      2,
    ),
    bound('stored bytes of the live version of those of one freshly written', last.storedBytes / freshStoredBytes, 2),
    bound('manifest, MiB, after any compaction', worst.manifestBytes / MIB, 1),
    bound('cold hydrate, wall time, of that of one freshly written', fragmented.wallMs / fresh.wallMs, 1.3, true),
    bound(
      'cold hydrate, bytes from S3, of those of one freshly written',
      fragmented.storeBytesDown / fresh.storeBytesDown,
      1.3,
    ),
  ];
}

function round(value: number): number {
  return Number(value.toFixed(4));
}
