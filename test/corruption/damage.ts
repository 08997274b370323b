/** Seeded damage to stored bytes. */
import type { Random } from '../simulation/random.ts';

export const DAMAGES = ['flip', 'truncate', 'extend', 'exchange'] as const;
export type Damage = (typeof DAMAGES)[number];

/** Bytes that differ from `bytes`: one bit, a cut end, a longer end, or `other` in their place. */
export function damaged(damage: Damage, bytes: Uint8Array, other: Uint8Array, random: Random): Uint8Array {
  switch (damage) {
    case 'flip': {
      const copy = Uint8Array.from(bytes);
      const at = random.int(0, bytes.length - 1);
      copy[at] = (copy[at] ?? 0) ^ (1 << random.int(0, 7));
      return copy;
    }
    case 'truncate':
      return bytes.slice(0, random.int(0, bytes.length - 1));
    case 'extend':
      return Buffer.concat([bytes, Buffer.from(Array.from({ length: random.int(1, 64) }, () => random.int(0, 255)))]);
    case 'exchange':
      if (Buffer.from(bytes).equals(other)) throw new RangeError('What is exchanged must differ.');
      return other;
  }
}
