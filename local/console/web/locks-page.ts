/** Who held the lock of a collection when, who collided, delegated, swapped and rebased. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { CollectionRow } from '../collections.ts';
import type { LanePage, LaneRow } from '../lanes.ts';
import { useData, useNow } from './data.ts';
import { count, duration, plural, preciseTime } from './format.ts';
import { type LaneItem, LOOKS, laneItems, MARKS } from './lane-items.ts';
import { link, navigate } from './router.ts';
import { Swimlane } from './swimlane.ts';
import { laneEnd, latestWindow, pan, type TimeWindow, wholeWindow, zoom } from './time-window.ts';
import { type Column, Empty, ExecutionLink, Failure, Heading, html, Loading, Panel, Table } from './ui.ts';

const PAGE_SIZE = 100;
const LISTED = 200;

export function LocksPage({ query }: { query: URLSearchParams }): VNode {
  const { data: collections, problem } = useData<CollectionRow[]>('/api/collections');
  const names = (collections ?? []).map(({ collection }) => collection);
  const latest = (collections ?? []).toSorted((a, b) => (b.committedAt ?? '').localeCompare(a.committedAt ?? ''))[0];
  const chosen = query.get('collection') ?? latest?.collection;
  return html`<${Heading}>Locks<//>
    ${problem === undefined ? null : html`<${Failure} problem=${problem} />`}
    ${collections === undefined && problem === undefined ? html`<${Loading} />` : null}
    ${
      chosen === undefined
        ? collections === undefined
          ? null
          : html`<${Empty} title="No collection yet."><p>Locks belong to collections. Create one: <code>npm run cli -- create pets --dimension 3</code></p><//>`
        : html`<div class="filters">
              <label>Collection
                <select value=${chosen} onChange=${(event: Event) => navigate(['locks'], { collection: (event.target as HTMLSelectElement).value })}>
                  ${[...new Set([...names, chosen])].map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
                </select>
              </label>
            </div>
            <${Lanes} key=${`${chosen} ${query.get('before') ?? ''} ${query.get('all') ?? ''}`} collection=${chosen} before=${query.get('before')} marked=${query.get('execution')} isAll=${query.get('all') !== null} />`
    }`;
}

interface LanesProps {
  collection: string;
  before: string | null;
  /** Name of the execution to highlight. */
  marked: string | null;
  /** Also executions that did not use the lock. */
  isAll: boolean;
}

function Lanes(props: LanesProps): VNode {
  const { collection, before, isAll } = props;
  const query = { collection, before: before ?? undefined, limit: PAGE_SIZE, active: isAll ? 'false' : 'true' };
  const { data, problem } = useData<LanePage>(`/api/lock-events${link([], query).replace(/^#\//, '')}`);
  if (problem !== undefined) return html`<${Failure} problem=${problem} />`;
  if (data === undefined) return html`<${Loading} />`;
  if (data.lanes.length > 0) return html`<${Chart} ...${props} page=${data} />`;
  return isAll
    ? html`<${Empty} title="No execution of this collection yet."><p><code>npm run cli -- start ${collection}</code> starts one.</p><//>`
    : html`<${Empty} title="No execution of this collection has asked for the lock.">
        <p><a href=${link(['locks'], { collection, all: 1 })}>Show all executions</a></p>
      <//>`;
}

function Chart({ collection, page, before, marked, isAll }: LanesProps & { page: LanePage }): VNode {
  const { lanes, older } = page;
  const all = isAll ? 1 : undefined;
  const now = useNow(lanes.some(({ stoppedAt }) => stoppedAt === null));
  // Follows the latest lanes until the user moves it, and then stays where it is.
  const [moved, setMoved] = useState<TimeWindow | null>(null);
  const initial = lanes.find(({ name }) => name === marked);
  const window = moved ?? (initial === undefined ? latestWindow(lanes, now) : around(initial, now));
  const shown = lanes.filter((lane) => laneEnd(lane, now) >= window.from && lane.startedAt <= window.to);
  const note = html`<span class="muted">${plural(shown.length, 'execution')} in ${duration(window.to - window.from)}</span>`;
  return html`<${Panel} title="Lock swimlane" id="swimlane" note=${note}>
      <div class="tools" role="toolbar" aria-label="Time">
        <button type="button" onClick=${() => setMoved(pan(window, -0.5))} aria-label="Earlier" title="Earlier">←</button>
        <button type="button" onClick=${() => setMoved(pan(window, 0.5))} aria-label="Later" title="Later">→</button>
        <button type="button" onClick=${() => setMoved(zoom(window, 0.5))} aria-label="Zoom in" title="Zoom in">+</button>
        <button type="button" onClick=${() => setMoved(zoom(window, 2))} aria-label="Zoom out" title="Zoom out">−</button>
        <button type="button" onClick=${() => setMoved(null)} aria-pressed=${moved === null}>Latest</button>
        <button type="button" onClick=${() => setMoved(wholeWindow(lanes, now))}>All of this page</button>
        <label class="check">
          <input type="checkbox" checked=${isAll} onChange=${() => navigate(['locks'], { collection, all: isAll ? undefined : 1 })} />
          Those too that never asked for the lock
        </label>
        <span class="pager-links">
          ${before === null ? null : html`<a class="button" href=${link(['locks'], { collection, all })}>Newest</a>`}
          ${older === null ? null : html`<a class="button" href=${link(['locks'], { collection, all, before: older })}>Older executions</a>`}
        </span>
      </div>
      <${Overview} lanes=${lanes} window=${window} now=${now} onWindow=${setMoved} />
      <${Swimlane} lanes=${shown} window=${window} now=${now} marked=${marked} onWindow=${setMoved} />
      ${shown.length === 0 ? html`<${Empty} title="No execution in this period." />` : null}
      <${Legend} />
    <//>
    <${EventList} lanes=${shown} window=${window} now=${now} />`;
}

function around(lane: LaneRow, now: number): TimeWindow {
  const end = laneEnd(lane, now);
  const margin = Math.max(20, (end - lane.startedAt) * 0.25);
  return { from: lane.startedAt - margin, to: end + margin };
}

/** Overview of all executions of the page, with the visible part marked. A click moves that. */
function Overview(props: {
  lanes: readonly LaneRow[];
  window: TimeWindow;
  now: number;
  onWindow: (next: TimeWindow) => void;
}): VNode {
  const { lanes, window, now, onWindow } = props;
  const whole = wholeWindow(lanes, now);
  const part = (at: number) => Math.min(100, Math.max(0, ((at - whole.from) / (whole.to - whole.from)) * 100));
  const clicked = (event: MouseEvent) => {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect();
    const centre = whole.from + ((event.clientX - left) / width) * (whole.to - whole.from);
    const half = (window.to - window.from) / 2;
    onWindow({ from: centre - half, to: centre + half });
  };
  return html`<svg class="overview" viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true" onClick=${clicked}>
    ${lanes.map(
      (lane, index) => html`<rect
      key=${lane.name}
      class=${`overview-lane ${lane.status === 'FAILED' ? 'is-bad' : ''}`}
      x=${part(lane.startedAt)}
      width=${Math.max(0.2, part(laneEnd(lane, now)) - part(lane.startedAt))}
      y=${1 + (index / Math.max(1, lanes.length)) * 17}
      height=${Math.max(0.4, 17 / Math.max(6, lanes.length))}
    />`,
    )}
    <rect class="overview-window" x=${part(window.from)} width=${Math.max(0.5, part(window.to) - part(window.from))} y="0" height="20" />
  </svg>`;
}

function Legend(): VNode {
  return html`<ul class="legend" aria-label="Legend">
    ${LOOKS.map(
      ([look, text]) => html`<li key=${look}>
        <svg class="key" viewBox="-10 -10 20 20" width="18" height="18" aria-hidden="true"><g class=${`item item-${look}`}>
          ${MARKS[look] === undefined ? html`<rect class="bar" x="-9" y="-5" width="18" height="10" rx="2" />` : html`<path class="mark" d=${MARKS[look]} />`}
        </g></svg>${text}
      </li>`,
    )}
  </ul>`;
}

/** The same events in words, for reading and searching. */
function EventList({ lanes, window, now }: { lanes: readonly LaneRow[]; window: TimeWindow; now: number }): VNode {
  const all = lanes.flatMap((lane) => laneItems(lane, now).map((item) => ({ lane, item })));
  const inside = all
    .filter(({ item }) => item.to >= window.from && item.from <= window.to)
    .sort((a, b) => a.item.from - b.item.from);
  const columns: Column<{ lane: LaneRow; item: LaneItem }>[] = [
    { title: 'Time', class: 'bare', cell: ({ item }) => preciseTime(item.from) },
    { title: 'What', class: 'two bare', cell: ({ item }) => item.title },
    {
      title: 'Execution',
      class: 'wide bare',
      cell: ({ lane }) => html`<${ExecutionLink} name=${lane.name} machine=${lane.machine} />`,
    },
  ];
  const note = html`<span class="muted">${inside.length > LISTED ? `The first ${LISTED} of ${count(inside.length)}` : count(inside.length)} in this period</span>`;
  return html`<${Panel} title="Lock events" id="lock-events" note=${note}>
    ${
      inside.length === 0
        ? html`<${Empty} title="No lock event in this period." />`
        : html`<${Table} label="Lock events" columns=${columns} rows=${inside.slice(0, LISTED)} rowKey=${({ item }: { item: LaneItem }) => item.id} />`
    }
  <//>`;
}
