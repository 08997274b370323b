/** What the changed pages of a Chroma database hold. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DATABASE } from '../../lambdas/adapters/chroma/database.ts';
import { BLOCK_SIZE } from '../../lambdas/snapshot/blocks.ts';
import type { Run } from '../../lambdas/snapshot/changes.ts';

const FREE = 'free pages';
const OTHER = 'collections, settings, schema';
/** The first that matches names the owner. */
const OWNERS: ReadonlyArray<readonly [RegExp, string]> = [
  [/^embedding_fulltext_search_content/, 'documents, second copy of the full-text table'],
  [/^embedding_fulltext_search/, 'full-text index'],
  [/^embedding_metadata$/, 'metadata and documents'],
  [/^embedding_metadata_string_value$/, 'index of texts: metadata and documents'],
  [/^embedding_metadata_(int|float)_value$/, 'indexes of numbers in metadata'],
  [/^sqlite_autoindex_embedding_metadata/, 'primary key of metadata'],
  [/^embeddings_queue$/, 'log (vectors, metadata)'],
  [/embeddings(_1)?$/, 'ids'],
];

/** Bytes of the changed ranges of a closed database, by owner. A page is a block: both have 4 KiB. */
export function ownersOf(directory: string, changed: readonly Run[]): Map<string, number> {
  const database = new DatabaseSync(join(directory, DATABASE), { readOnly: true });
  try {
    const { page_size: size } = database.prepare('PRAGMA page_size').get() as { page_size: number };
    if (size !== BLOCK_SIZE) throw new Error(`Pages of ${size} bytes are no blocks.`);
    const rows = database.prepare('SELECT pageno, name FROM dbstat').all() as Array<{ pageno: number; name: string }>;
    const names = new Map(rows.map(({ pageno, name }) => [pageno, name]));
    const owners = new Map<string, number>();
    for (const { offset, length } of changed) {
      for (let at = offset; at < offset + length; at += BLOCK_SIZE) {
        const owner = ownerOf(names.get(at / BLOCK_SIZE + 1));
        owners.set(owner, (owners.get(owner) ?? 0) + BLOCK_SIZE);
      }
    }
    return owners;
  } finally {
    database.close();
  }
}

function ownerOf(name: string | undefined): string {
  if (name === undefined) return FREE;
  return OWNERS.find(([pattern]) => pattern.test(name))?.[1] ?? OTHER;
}
