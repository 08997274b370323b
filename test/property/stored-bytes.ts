import type { Pack } from '../../lambdas/snapshot/manifest.ts';

/** Decompressed bytes of all packs that the manifest refers to, dead frames included. */
export function storedBytes(packs: readonly Pack[]): number {
  return packs.reduce((sum, pack) => sum + pack.rawSize, 0);
}
