/** Routing by the part of the address after `#`, which is never sent to the server. */
import { useEffect, useState } from 'preact/hooks';

export interface Route {
  /** Decoded segments, e.g. `['executions', 'compaction', 'pets-next-1']`. */
  path: string[];
  query: URLSearchParams;
}

/** Values that are `undefined` or empty are left out. */
export function link(path: readonly string[], query: Record<string, string | number | undefined> = {}): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return `#/${path.map(encodeURIComponent).join('/')}${text === '' ? '' : `?${text}`}`;
}

export function navigate(path: readonly string[], query: Record<string, string | number | undefined> = {}): void {
  location.hash = link(path, query);
}

/** As `navigate`, without a history entry: for selections on a page. */
export function replaceQuery(path: readonly string[], query: Record<string, string | number | undefined>): void {
  history.replaceState(null, '', link(path, query));
  dispatchEvent(new HashChangeEvent('hashchange'));
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const changed = () => setHash(location.hash);
    addEventListener('hashchange', changed);
    return () => removeEventListener('hashchange', changed);
  }, []);
  return parse(hash);
}

function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  return { path: path.split('/').filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
