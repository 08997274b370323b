/** Opens a version for queries, for the duration of one command. */

import { type OpenSnapshot, ServedCopy } from '../lambdas/reader/served-copy.ts';
import { withCheckout } from '../lambdas/versions/checkout.ts';
import type { LoadedManifest } from '../lambdas/versions/load-manifest.ts';
import { refuseOlder } from '../lambdas/versions/refuse-older.ts';
import type { Target } from './target.ts';

export function withVersion<Result>(
  { ports }: Target,
  loaded: LoadedManifest,
  ask: (snapshot: OpenSnapshot) => Promise<Result>,
): Promise<Result> {
  return withCheckout(ports, loaded, async (directory) => {
    const { collection, records, space, dimension } = loaded.manifest;
    if (records === 0) return ask(new ServedCopy(loaded, undefined));
    refuseOlder((await ports.engine.identify()).version, loaded);
    const session = await ports.engine.open(directory);
    try {
      await session.useCollection(collection, { space, dimension });
      return await ask(new ServedCopy(loaded, { session, directory }));
    } finally {
      await session.close();
    }
  });
}
