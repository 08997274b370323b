/** A process of its own, working on a file store: `node object-store-child.ts <verb> <url> <key> [argument]`. */
import { openStore } from '../../lambdas/adapters/store/open-store.ts';
import { bytes } from './object-store-bodies.ts';
import { increment } from './object-store-increment.ts';

const [verb = '', url = '', key = '', argument = ''] = process.argv.slice(2);
const store = openStore(url);

/** Tell the parent, which starts all its children at once. */
async function waitForStart(): Promise<void> {
  process.send?.('ready');
  await new Promise((resolve) => process.once('message', resolve));
  process.disconnect?.();
}

const verbs: Record<string, () => Promise<void>> = {
  increment: () => increment(store, key, Number(argument)),
  async create() {
    await store.putIfAbsent(key, bytes(argument)).then(
      () => process.stdout.write('won'),
      (error: Error) => process.stdout.write(error.name),
    );
  },
};

await waitForStart();
await verbs[verb]?.();
