/** Plants bugs of the source in this thread: modules that are loaded from here on have them. */
import { registerHooks } from 'node:module';
import { changeFor, changeSource } from './source.ts';
import { SOURCE_BUGS } from './source-bugs.ts';

/** Does nothing for a bug that is planted otherwise. */
export function plantSource(bug: string | null): void {
  const planted = SOURCE_BUGS[bug ?? ''];
  if (planted === undefined) return;
  registerHooks({
    load: (url, context, nextLoad) => {
      const loaded = nextLoad(url, context);
      const change = changeFor([planted.change], url);
      if (change === undefined) return loaded;
      return { ...loaded, source: changeSource(String(loaded.source), change) };
    },
  });
}
