/** Whether times of day are local ones or UTC, as logs have them. The browser remembers the choice. */
import { useEffect, useState } from 'preact/hooks';

const KEY = 'times';
let isUtc = remembered();
const listeners = new Set<() => void>();

/** For `Intl`; `undefined` means the browser's own. */
export function timeZone(): 'UTC' | undefined {
  return isUtc ? 'UTC' : undefined;
}

/** The choice and how to change it; what uses this is drawn anew with everything in it. */
export function useUtc(): [isUtc: boolean, set: (isUtc: boolean) => void] {
  const [current, setCurrent] = useState(isUtc);
  useEffect(() => {
    const changed = () => setCurrent(isUtc);
    listeners.add(changed);
    return () => {
      listeners.delete(changed);
    };
  }, []);
  return [current, choose];
}

function choose(next: boolean): void {
  isUtc = next;
  try {
    localStorage.setItem(KEY, next ? 'utc' : 'local');
  } catch {
    // A browser that stores nothing forgets it with the page.
  }
  for (const listener of [...listeners]) listener();
}

function remembered(): boolean {
  try {
    return localStorage.getItem(KEY) === 'utc';
  } catch {
    return false;
  }
}
