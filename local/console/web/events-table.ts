/** The whole history of an execution, page by page. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { RecordedEvent } from '../../sfn/history.ts';
import type { ExecutionDetail } from '../executions.ts';
import type { Visit } from '../trace.ts';
import { useData } from './data.ts';
import { count, duration, preciseTime } from './format.ts';
import { JsonView } from './json-view.ts';
import { type Column, Failure, html, Loading, Panel, Table } from './ui.ts';

const PAGE_SIZE = 50;

export function EventsTable({ execution }: { execution: ExecutionDetail }): VNode {
  const { machine, name, trace, stoppedAt } = execution;
  const [after, setAfter] = useState(0);
  const last = Math.min(after + PAGE_SIZE, trace.events);
  // A full page never changes; the last page of a running execution does.
  const url = `/api/executions/${encodeURIComponent(name)}/events?machine=${encodeURIComponent(machine)}&after=${after}&limit=${PAGE_SIZE}`;
  const { data, problem } = useData<{ events: RecordedEvent[] }>(
    url,
    ({ events }) => stoppedAt !== null || events.length === PAGE_SIZE,
  );
  const pager = html`<span class="pager-links">
    <span class="muted">${count(after + 1)} to ${count(last)} of ${count(trace.events)}</span>
    <button type="button" class="button" disabled=${after === 0} onClick=${() => setAfter(Math.max(0, after - PAGE_SIZE))}>Earlier</button>
    <button type="button" class="button" disabled=${after + PAGE_SIZE >= trace.events} onClick=${() => setAfter(after + PAGE_SIZE)}>Later</button>
  </span>`;
  return html`<${Panel} title="Events" id="events" note=${pager}>
    ${problem === undefined ? null : html`<${Failure} problem=${problem} />`}
    ${data === undefined && problem === undefined ? html`<${Loading} />` : null}
    ${
      data === undefined
        ? null
        : html`<${Table} label="Events" columns=${columns(execution)} rows=${data.events} rowKey=${(event: RecordedEvent) => event.id} />`
    }
  <//>`;
}

function columns({ trace, startedAt }: ExecutionDetail): Column<RecordedEvent>[] {
  return [
    { title: 'Event', isNumber: true, cell: ({ id }) => count(id) },
    {
      title: 'Type',
      class: 'wide',
      cell: ({ type }) => html`<span class=${/Failed|TimedOut|Aborted/.test(type) ? 'bad-text' : ''}>${type}</span>`,
    },
    { title: 'State', class: 'wide', cell: ({ id }) => stateAt(trace.visits, id) ?? '–' },
    {
      title: 'After',
      isNumber: true,
      cell: ({ timestamp }) => (timestamp === startedAt ? '0' : duration(timestamp - startedAt)),
    },
    { title: 'Time', cell: ({ timestamp }) => preciseTime(timestamp) },
    { title: 'Details', class: 'wide details', cell: (event) => html`<${EventDetails} event=${event} />` },
  ];
}

/** The visit that the event belongs to: the last one entered before it, until that was left. */
function stateAt(visits: readonly Visit[], id: number): string | undefined {
  const visit = visits.findLast(({ enteredEvent }) => enteredEvent <= id);
  return visit !== undefined && (visit.exitedEvent === null || id <= visit.exitedEvent) ? visit.state : undefined;
}

function EventDetails({ event }: { event: RecordedEvent }): VNode {
  const details = Object.entries(event).find(([name]) => name.endsWith('EventDetails'))?.[1];
  const [isOpen, setOpen] = useState(false);
  if (details === undefined) return html`<span class="muted">–</span>`;
  const { error } = details as { error?: string };
  return html`<details open=${isOpen} onToggle=${(toggled: Event) => setOpen((toggled.target as HTMLDetailsElement).open)}>
    <summary>${error ?? 'Show'}<span class="visually-hidden"> details of event ${event.id}</span></summary>
    ${isOpen ? html`<${JsonView} text=${JSON.stringify(opened(details as object))} label=${`Details of event ${event.id}`} />` : null}
  </details>`;
}

/** Inputs, outputs and causes are JSON texts within strings, and shown parsed. */
function opened(details: object): object {
  return Object.fromEntries(
    Object.entries(details).map(([name, value]) => {
      if (typeof value !== 'string' || !/^[[{]/.test(value)) return [name, value];
      try {
        return [name, JSON.parse(value)];
      } catch {
        return [name, value];
      }
    }),
  );
}
