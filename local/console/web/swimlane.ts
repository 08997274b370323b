/**
 * The lanes of a collection's executions on one time line. Pointer, touch and keyboard can all be used to move and read
 * it.
 */
import type { VNode } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { LaneRow } from '../lanes.ts';
import { type LaneItem, laneItems, MARKS } from './lane-items.ts';
import { link, navigate } from './router.ts';
import { including, pan, type TimeWindow, ticks, tickText, zoom } from './time-window.ts';
import { html, Status } from './ui.ts';

export interface SwimlaneProps {
  lanes: readonly LaneRow[];
  window: TimeWindow;
  now: number;
  /** Name of the execution to highlight. */
  marked: string | null;
  onWindow: (window: TimeWindow) => void;
}

interface Place {
  item: LaneItem;
  lane: LaneRow;
  /** In the viewport, in pixels. */
  x: number;
  y: number;
}

const HEIGHT = 34;
const TICK_WIDTH = 110;
const SHORTEST_PX = 3;
const NARROWEST_TRACK = 200;

export function Swimlane({ lanes, window, now, marked, onWindow }: SwimlaneProps): VNode {
  const frame = useRef<HTMLDivElement>(null);
  const width = useTrackWidth(frame);
  const [active, setActive] = useState<string | null>(null);
  const [place, setPlace] = useState<Place | null>(null);
  const items = lanes.map((lane) => laneItems(lane, now));
  const first = items.flat()[0]?.id;
  const focusable = items.some((list) => list.some(({ id }) => id === active)) ? active : first;
  const scale = { window, width };
  const show = (lane: LaneRow, item: LaneItem, element: Element) => {
    const { left, right, bottom } = element.getBoundingClientRect();
    setPlace({ item, lane, x: (Math.max(left, 0) + Math.min(right, innerWidth)) / 2, y: bottom });
  };
  const goTo = (item: LaneItem | undefined) => {
    if (item === undefined) return;
    setActive(item.id);
    onWindow(including(window, item.from, item.to));
    requestAnimationFrame(() => itemElement(frame.current, item.id)?.focus());
  };
  const keyed = (event: KeyboardEvent) => {
    const target = neighbour(items, focusable ?? undefined, event.key);
    if (event.key === '+' || event.key === '=') onWindow(zoom(window, 0.5));
    else if (event.key === '-') onWindow(zoom(window, 2));
    else if (event.key === 'Escape') setPlace(null);
    else if (target !== undefined) goTo(target);
    else return;
    event.preventDefault();
  };
  const drag = useDrag(frame, window, width, onWindow);
  return html`<div class="swimlane" ref=${frame} onKeyDown=${keyed} ...${drag}>
    <${Axis} ...${scale} />
    <div class="lanes" role="group" aria-label="Lanes, one per execution. Arrow keys go from event to event, plus and minus zoom.">
      ${lanes.map(
        (lane, index) => html`<${LaneView}
          key=${lane.name}
          lane=${lane}
          items=${items[index]}
          ...${scale}
          isMarked=${lane.name === marked}
          focusable=${focusable}
          onShow=${(item: LaneItem, element: Element) => show(lane, item, element)}
          onFocus=${(item: LaneItem) => setActive(item.id)}
          onHide=${() => setPlace(null)}
        />`,
      )}
    </div>
    ${place === null ? null : html`<${Tooltip} place=${place} />`}
  </div>`;
}

interface Scale {
  window: TimeWindow;
  width: number;
}

function xOf(at: number, { window, width }: Scale): number {
  return ((at - window.from) / (window.to - window.from)) * width;
}

function Axis(scale: Scale): VNode {
  const { at, step } = ticks(scale.window, scale.width / TICK_WIDTH);
  return html`<div class="lane axis" aria-hidden="true">
    <div class="lane-name"></div>
    <svg class="track" height="24" width=${scale.width}>
      ${at.map((time) => html`<g key=${time}><line x1=${xOf(time, scale)} x2=${xOf(time, scale)} y1="18" y2="24" /><text x=${xOf(time, scale)} y="12">${tickText(time, step)}</text></g>`)}
    </svg>
  </div>`;
}

function LaneView(
  props: Scale & {
    lane: LaneRow;
    items: LaneItem[];
    isMarked: boolean;
    focusable: string | undefined;
    onShow: (item: LaneItem, element: Element) => void;
    onFocus: (item: LaneItem) => void;
    onHide: () => void;
  },
): VNode {
  const { lane, items, isMarked, focusable, onShow, onFocus, onHide, ...scale } = props;
  const { at } = ticks(scale.window, scale.width / TICK_WIDTH);
  const [start, end] = [xOf(lane.startedAt, scale), xOf(lane.stoppedAt ?? Date.now(), scale)];
  return html`<div class=${`lane ${isMarked ? 'is-marked' : ''}`} role="group" aria-label=${`${lane.name}: ${lane.state ?? lane.status}`} data-lane=${lane.name}>
    <div class="lane-name">
      <a class="name" href=${link(['executions', lane.machine, lane.name])} title=${lane.name}>${lane.name}</a>
      <span class="lane-state">${lane.status === 'SUCCEEDED' ? lane.state : html`<${Status} status=${lane.status} />`}</span>
    </div>
    <svg class="track" height=${HEIGHT} width=${scale.width} role="presentation">
      ${at.map((time) => html`<line key=${time} class="grid" x1=${xOf(time, scale)} x2=${xOf(time, scale)} y1="0" y2=${HEIGHT} />`)}
      <rect class="life" x=${start} width=${Math.max(SHORTEST_PX, end - start)} y=${HEIGHT / 2 - 1} height="2" />
      ${items
        .filter(({ from, to }) => to >= scale.window.from && from <= scale.window.to)
        .map(
          (item) => html`<g
            key=${item.id}
            class=${`item item-${item.look}`}
            role="img"
            aria-label=${`${item.title}. ${item.detail}.`}
            tabindex=${item.id === focusable ? 0 : -1}
            data-item=${item.id}
            onFocus=${(event: FocusEvent) => {
              onFocus(item);
              onShow(item, event.currentTarget as Element);
            }}
            onBlur=${onHide}
            onPointerEnter=${(event: PointerEvent) => onShow(item, event.currentTarget as Element)}
            onPointerLeave=${onHide}
            onKeyDown=${(event: KeyboardEvent) => {
              if (event.key === 'Enter') navigate(['executions', lane.machine, lane.name]);
            }}
          ><${Shape} item=${item} ...${scale} /></g>`,
        )}
    </svg>
  </div>`;
}

function Shape({ item, ...scale }: { item: LaneItem } & Scale): VNode {
  const x = xOf(item.from, scale);
  if (item.isMark) {
    return html`<g transform=${`translate(${Math.round(x)},${HEIGHT / 2})`}><rect class="hit" x="-9" y="-13" width="18" height="26" rx="4" /><path class="mark" d=${MARKS[item.look] ?? MARKS.kept} /></g>`;
  }
  const length = Math.max(SHORTEST_PX, xOf(item.to, scale) - x);
  const [y, height] =
    item.look === 'claim' ? [HEIGHT - 9, 6] : item.look === 'wait' ? [HEIGHT / 2 - 4, 8] : [5, HEIGHT - 15];
  return html`<rect class="hit" x=${x - 3} y=${y - 3} width=${length + 6} height=${height + 6} rx="4" /><rect class="bar" x=${x} y=${y} width=${length} height=${height} rx="2" />`;
}

function Tooltip({ place }: { place: Place }): VNode {
  const { item, lane, x, y } = place;
  const left = Math.min(Math.max(x, 150), innerWidth - 150);
  const isLow = y > innerHeight - 110;
  return html`<div class=${`tooltip ${isLow ? 'is-above' : ''}`} aria-hidden="true" style=${{ left: `${left}px`, top: `${isLow ? y - HEIGHT : y + 6}px` }}>
    <strong>${item.title}</strong><span>${item.detail}</span><span class="muted name">${lane.name}</span>
  </div>`;
}

/** Arrow keys move along a lane, and from lane to lane to the item nearest in time. */
function neighbour(lanes: readonly LaneItem[][], current: string | undefined, key: string): LaneItem | undefined {
  const lane = lanes.findIndex((list) => list.some(({ id }) => id === current));
  const own = lanes[lane];
  if (own === undefined) return undefined;
  const index = own.findIndex(({ id }) => id === current);
  const from = own[index]?.from ?? 0;
  const nearest = (list: readonly LaneItem[] | undefined) =>
    list?.toSorted((a, b) => Math.abs(a.from - from) - Math.abs(b.from - from))[0];
  switch (key) {
    case 'ArrowRight':
      return own[index + 1];
    case 'ArrowLeft':
      return own[index - 1];
    case 'Home':
      return own[0];
    case 'End':
      return own.at(-1);
    case 'ArrowDown':
      return nearest(lanes.slice(lane + 1).find((list) => list.length > 0));
    case 'ArrowUp':
      return nearest(lanes.slice(0, lane).findLast((list) => list.length > 0));
    default:
      return undefined;
  }
}

function itemElement(frame: HTMLElement | null, id: string): SVGElement | null {
  return frame?.querySelector<SVGElement>(`[data-item="${CSS.escape(id)}"]`) ?? null;
}

function useTrackWidth(frame: { current: HTMLDivElement | null }): number {
  const [width, setWidth] = useState(NARROWEST_TRACK);
  // Measured before the first frame is painted: a track wider than the window would make the page jump.
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const measure = () => {
      const track = element.querySelector('.lane-name');
      const beside = track !== null && getComputedStyle(track).display !== 'contents' && element.clientWidth > 700;
      setWidth(Math.max(NARROWEST_TRACK, element.clientWidth - (beside ? (track as HTMLElement).offsetWidth : 0) - 16));
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return width;
}

/** Drag to move in time; with Ctrl or the Mac's command key the wheel zooms, sideways it moves. */
function useDrag(
  frame: { current: HTMLDivElement | null },
  window: TimeWindow,
  width: number,
  onWindow: (next: TimeWindow) => void,
) {
  const from = useRef<{ x: number; window: TimeWindow } | null>(null);
  const wheel = useRef<(event: WheelEvent) => void>(() => {});
  wheel.current = (event) => {
    const track = frame.current?.querySelector('.track')?.getBoundingClientRect();
    if (track === undefined) return;
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    if (event.ctrlKey || event.metaKey) {
      onWindow(
        zoom(window, event.deltaY > 0 ? 1.25 : 0.8, Math.min(1, Math.max(0, (event.clientX - track.left) / width))),
      );
    } else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY))
      onWindow(pan(window, sideways / width));
    else return;
    event.preventDefault();
  };
  useEffect(() => {
    const listener = (event: WheelEvent) => wheel.current(event);
    const element = frame.current;
    // Not passive: otherwise the browser zooms or scrolls the page as well.
    element?.addEventListener('wheel', listener, { passive: false });
    return () => element?.removeEventListener('wheel', listener);
  }, []);
  return {
    onPointerDown: (event: PointerEvent) => {
      if (event.button === 0 && (event.target as Element).closest('a') === null)
        from.current = { x: event.clientX, window };
    },
    onPointerMove: (event: PointerEvent) => {
      if (from.current === null || event.buttons === 0) return;
      onWindow(pan(from.current.window, (from.current.x - event.clientX) / width));
    },
    onPointerUp: () => {
      from.current = null;
    },
  };
}
