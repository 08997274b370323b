// In the place of @chroma-core/default-embed, whose model would be downloaded: any text has an embedding of 384 dimensions
// and length 1, the same in every run.
const { createHash } = require('node:crypto');

const DIMENSION = 384;

function embeddingOf(text) {
  const bytes = Array.from({ length: DIMENSION / 32 }, (_, n) => [
    ...createHash('sha256').update(`${n} ${text}`).digest(),
  ]).flat();
  const vector = bytes.map((byte) => byte / 127.5 - 1);
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}

class DefaultEmbeddingFunction {
  name = 'default';

  async generate(texts) {
    return texts.map(embeddingOf);
  }

  getConfig() {
    return {};
  }

  defaultSpace() {
    return 'cosine';
  }

  supportedSpaces() {
    return ['cosine', 'l2', 'ip'];
  }

  static buildFromConfig() {
    return new DefaultEmbeddingFunction();
  }
}

module.exports = { DefaultEmbeddingFunction };
