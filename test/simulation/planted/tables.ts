/** Bugs of whose table it is. */

import { decodePointer } from '../../../lambdas/protocol/pointer.ts';
import { decodeAddress } from '../../../lambdas/protocol/table-address.ts';
import { parsePointerKey } from '../../../lambdas/snapshot/keys.ts';
import type { Plant } from './plant.ts';

/** Every table of that name has the identity that the pointer asks for. */
export function nameAlone(): Plant {
  let asked: string | undefined;
  return {
    ports: (ports) => {
      const get: typeof ports.store.get = async (key, options) => {
        const found = await ports.store.get(key, options);
        const { collection } = parsePointerKey(key) ?? {};
        if (collection !== undefined) {
          asked = decodeAddress(decodePointer(key, collection, found.body).statusTable).identity;
        }
        return found;
      };
      const readIdentity = async () => asked ?? (await ports.statuses.readIdentity());
      return { ...ports, store: { ...ports.store, get }, statuses: { ...ports.statuses, readIdentity } };
    },
    profile: { intrusions: 4, isLegacy: false, resend: 0.8, deltas: 5 },
    lookFor: /is applied a second time/,
  };
}
