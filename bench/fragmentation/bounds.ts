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

/** @param hydrates Of the last version, and of the same content written whole. */
export function fragmentationBounds(worst: Worst, { fragmented, fresh }: Hydrates): FragmentationDocument['bounds'] {
  const bound = (name: string, value: number, limit: number, timing: boolean) => ({
    name,
    limit: `<= ${limit}`,
    value: round(value),
    holds: value <= limit,
    timing,
  });
  return [
    // Decompressed, since its size is: what is stored of it in fact is less.
    bound(
      'bytes of the live version in the store, of its size, after any compaction',
      worst.storedRawOfSnapshot,
      2,
      false,
    ),
    bound('manifest, MiB, after any compaction', worst.manifestBytes / MIB, 1, false),
    bound('cold hydrate, wall time, of that of one freshly written', fragmented.wallMs / fresh.wallMs, 1.3, true),
  ];
}

function round(value: number): number {
  return Number(value.toFixed(4));
}
