/** Every field of every file of a vector index, and seeded damage to it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readHeader } from '../../../lambdas/adapters/chroma/vector-index/header.ts';
import type { Random } from '../../simulation/random.ts';
import { damaged } from '../damage.ts';

/**
 * What nobody can see on the bytes, since any value may be right:
 * - `vector`: the numbers of a vector, and its length under cosine distance: the record's embedding is another one.
 * - `graph`: which elements, of those there are, an element is linked to: a search takes another way.
 */
export type Kind = 'structure' | 'vector' | 'graph';

export interface Field {
  file: string;
  name: string;
  at: number;
  size: number;
  kind: Kind;
}

const HEADER: ReadonlyArray<readonly [name: string, size: number]> = [
  ['version', 4],
  ['offset level 0', 8],
  ['capacity', 8],
  ['count', 8],
  ['element size', 8],
  ['label offset', 8],
  ['vector offset', 8],
  ['max level', 4],
  ['entry point', 4],
  ['max M', 8],
  ['max M0', 8],
  ['M', 8],
  ['mult', 8],
  ['ef construction', 8],
];

export interface Layout {
  fields: Field[];
  /** Sizes of the files. */
  files: Map<string, number>;
}

export async function layoutOf(folder: string): Promise<Layout> {
  const read = (name: string) => readFile(join(folder, name));
  const header = await read('header.bin');
  const { count, elementBytes, vectorAt, labelAt, maxNeighbours } = readHeader(header);
  const fields: Field[] = [];
  let at = 0;
  for (const [name, size] of HEADER) {
    fields.push({ file: 'header.bin', name, at, size, kind: 'structure' });
    at += size;
  }
  const level0 = await read('data_level0.bin');
  for (let element = 0; element < count; element++) {
    const start = element * elementBytes;
    const file = 'data_level0.bin';
    const neighbours = level0.readUInt16LE(start);
    fields.push({ file, name: 'neighbours', at: start, size: 2, kind: 'graph' });
    fields.push({ file, name: 'marks', at: start + 2, size: 2, kind: 'structure' });
    fields.push({ file, name: 'links', at: start + 4, size: 4 * neighbours, kind: 'graph' });
    fields.push({ file, name: 'vector', at: start + vectorAt, size: labelAt - vectorAt, kind: 'vector' });
    fields.push({ file, name: 'label', at: start + labelAt, size: 8, kind: 'structure' });
    fields.push({ file: 'length.bin', name: 'length', at: 4 * element, size: 4, kind: 'vector' });
  }
  const links = await read('link_lists.bin');
  for (let from = 0; from < links.length; ) {
    const size = links.readUInt32LE(from);
    const file = 'link_lists.bin';
    fields.push({ file, name: 'size', at: from, size: 4, kind: 'structure' });
    for (let list = from + 4; list < from + 4 + size; list += 4 * (maxNeighbours + 1)) {
      const neighbours = links.readUInt16LE(list);
      fields.push({ file, name: 'neighbours', at: list, size: 2, kind: 'graph' });
      if (neighbours > 0) fields.push({ file, name: 'links', at: list + 4, size: 4 * neighbours, kind: 'graph' });
    }
    from += 4 + size;
  }
  const pickle = await read('index_metadata.pickle');
  fields.push({ file: 'index_metadata.pickle', name: 'pickle', at: 0, size: pickle.length, kind: 'structure' });
  const names = ['header.bin', 'data_level0.bin', 'length.bin', 'link_lists.bin', 'index_metadata.pickle'];
  const files = new Map(await Promise.all(names.map(async (name) => [name, (await read(name)).length] as const)));
  return { fields, files };
}

export interface Done {
  what: string;
  kind: Kind;
}

/** Damages one field, or cuts or extends one file. */
export async function damage(folder: string, layout: Layout, random: Random): Promise<Done> {
  const { fields, files } = layout;
  if (random.chance(0.25)) {
    const name = random.pick([...files.keys()]);
    const how = random.pick(['truncate', 'extend'] as const);
    const bytes = await readFile(join(folder, name));
    await writeFile(join(folder, name), damaged(how, bytes, bytes, random));
    return { what: `${how} ${name}`, kind: 'structure' };
  }
  // Each file is as likely as another, and each name in it, however many there are of it.
  const file = random.pick([...files.keys()]);
  const name = random.pick([...new Set(fields.filter((field) => field.file === file).map((field) => field.name))]);
  const field = random.pick(fields.filter((field) => field.file === file && field.name === name));
  const bytes = await readFile(join(folder, field.file));
  const part = bytes.subarray(field.at, field.at + field.size);
  const how = random.pick(['flip', 'random', 'ones'] as const);
  if (how === 'flip') part.set(damaged('flip', part, part, random));
  else for (let n = 0; n < Math.min(8, part.length); n++) part[n] = how === 'ones' ? 0xff : random.int(0, 255);
  await writeFile(join(folder, field.file), bytes);
  return { what: `${how} ${file}, ${name} at ${field.at}`, kind: field.kind };
}
