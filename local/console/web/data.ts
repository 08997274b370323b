/** Reads from the API, and keeps what is shown up to date by polling; an unchanged answer costs a 304. */
import { useEffect, useState } from 'preact/hooks';

export interface Problem {
  error: string;
  message: string;
}

export interface Read<Data> {
  data: Data | undefined;
  problem: Problem | undefined;
}

const POLL_MS = 1_500;
/** Answers by URL, so that going back shows the page at once and in place. */
const remembered = new Map<string, { text: string; data: unknown }>();
const REMEMBERED = 60;

/** Whether the page is being updated, and whether the stack answers. */
export interface Connection {
  isLive: boolean;
  isReachable: boolean;
}

let connection: Connection = { isLive: true, isReachable: true };
const listeners = new Set<() => void>();

export function setConnection(change: Partial<Connection>): void {
  const next = { ...connection, ...change };
  if (next.isLive === connection.isLive && next.isReachable === connection.isReachable) return;
  connection = next;
  for (const listener of [...listeners]) listener();
}

export function useConnection(): Connection {
  const [current, set] = useState(connection);
  useEffect(() => subscribe(() => set(connection)), []);
  return current;
}

/**
 * The answer at `url` of the API, polled until it can no longer change. `null` requests nothing.
 * @param isFinal tells whether an answer will never change
 */
export function useData<Data>(url: string | null, isFinal: (data: Data) => boolean = () => false): Read<Data> {
  const [read, setRead] = useState<{ url: string | null } & Read<Data>>({
    url: null,
    data: undefined,
    problem: undefined,
  });
  useEffect(() => {
    if (url === null) return;
    const gone = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const ask = async () => {
      clearTimeout(timer);
      const answer = await fetchOnce<Data>(url, gone.signal);
      if (gone.signal.aborted) return;
      if (answer !== 'unreachable') {
        setRead((before) => (before.url === url && isSame(before, answer) ? before : { url, ...answer }));
        if (answer.data !== undefined && isFinal(answer.data)) return;
      }
      if (connection.isLive && !document.hidden) timer = setTimeout(ask, POLL_MS);
    };
    ask();
    const wake = () => {
      if (connection.isLive && !document.hidden) ask();
    };
    const unsubscribe = subscribe(wake);
    document.addEventListener('visibilitychange', wake);
    return () => {
      gone.abort();
      clearTimeout(timer);
      unsubscribe();
      document.removeEventListener('visibilitychange', wake);
    };
  }, [url]);
  if (read.url === url) return read;
  return { data: url === null ? undefined : (remembered.get(url)?.data as Data | undefined), problem: undefined };
}

async function fetchOnce<Data>(url: string, signal: AbortSignal): Promise<Read<Data> | 'unreachable'> {
  try {
    const response = await fetch(url, { signal, cache: 'no-cache' });
    const text = await response.text();
    setConnection({ isReachable: true });
    if (!response.ok) return { data: undefined, problem: problemIn(text) };
    const known = remembered.get(url);
    if (known?.text === text) return { data: known.data as Data, problem: undefined };
    const data = JSON.parse(text) as Data;
    if (remembered.size >= REMEMBERED) remembered.delete(remembered.keys().next().value as string);
    remembered.set(url, { text, data });
    return { data, problem: undefined };
  } catch {
    if (!signal.aborted) setConnection({ isReachable: false });
    return 'unreachable';
  }
}

/** What a refusal says: of the console's API, or of the Step Functions API, whose member is `__type`. */
export function problemIn(text: string): Problem {
  try {
    const { error, __type, message } = JSON.parse(text) as Partial<Problem> & { __type?: string };
    return { error: error ?? __type ?? 'Error', message: message ?? '' };
  } catch {
    return { error: 'Error', message: text.slice(0, 500) };
  }
}

function isSame(a: Read<unknown>, b: Read<unknown>): boolean {
  return a.data === b.data && a.problem?.message === b.problem?.message;
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}

/** Now, in milliseconds since the epoch, once a second while something runs. */
export function useNow(isRunning: boolean): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isRunning) return;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [isRunning]);
  return now;
}
