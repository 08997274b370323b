/** All executions of one machine, newest first, by status and collection. */
import type { VNode } from 'preact';
import type { ExecutionList, ExecutionRow } from '../executions.ts';
import { useData, useNow } from './data.ts';
import { count, plural } from './format.ts';
import { link, navigate } from './router.ts';
import {
  CollectionLink,
  type Column,
  Duration,
  Empty,
  ExecutionLink,
  Failure,
  Heading,
  html,
  Loading,
  Status,
  statusText,
  Table,
  Time,
} from './ui.ts';

const PAGE_SIZE = 50;
const STATUSES = ['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'];

interface Filter {
  machine: string;
  collection: string | undefined;
  status: string | undefined;
}

export function ExecutionsPage({ query }: { query: URLSearchParams }): VNode {
  const filter: Filter = {
    machine: query.get('machine') ?? 'compaction',
    collection: query.get('collection') ?? undefined,
    status: query.get('status') ?? undefined,
  };
  const before = query.get('before') ?? undefined;
  const page = Number(query.get('page') ?? 1);
  const parameters = link([], { ...filter, before, limit: PAGE_SIZE }).replace(/^#\//, '');
  const { data, problem } = useData<ExecutionList>(`/api/executions${parameters}`);
  return html`<${Heading}>Executions<//>
    ${problem === undefined ? null : html`<${Failure} problem=${problem} />`}
    ${data === undefined && problem === undefined ? html`<${Loading} />` : null}
    ${data === undefined ? null : html`<${Filters} filter=${filter} list=${data} /><${List} filter=${filter} list=${data} page=${page} />`}`;
}

function Filters({ filter, list }: { filter: Filter; list: ExecutionList }): VNode {
  const go = (change: Partial<Filter>) => navigate(['executions'], { ...filter, ...change });
  const collections = [
    ...new Set(filter.collection === undefined ? list.collections : [...list.collections, filter.collection]),
  ];
  const total = Object.values(list.counts).reduce((sum, value) => sum + value, 0);
  const chips: Array<[string | undefined, string, number]> = [
    [undefined, 'All', total],
    ...STATUSES.map((status): [string, string, number] => [status, statusText(status), list.counts[status] ?? 0]),
  ];
  return html`<div class="filters">
    <label>Collection
      <select value=${filter.collection ?? ''} onChange=${(event: Event) => go({ collection: chosenIn(event) })}>
        <option value="">All collections</option>
        ${collections.sort().map((name) => html`<option value=${name} key=${name}>${name}</option>`)}
      </select>
    </label>
    <label>State machine
      <select value=${filter.machine} onChange=${(event: Event) => go({ machine: chosenIn(event), status: undefined })}>
        ${list.machines.map((name) => html`<option value=${name} key=${name}>${name}</option>`)}
      </select>
    </label>
    <nav class="chips" aria-label="By status">
      ${chips.map(
        ([status, text, many]) => html`<a
          key=${text}
          class="chip"
          href=${link(['executions'], { ...filter, status })}
          aria-current=${filter.status === status ? 'true' : undefined}
          >${text} <span class="number">${count(many)}</span></a
        >`,
      )}
    </nav>
  </div>`;
}

function List({ filter, list, page }: { filter: Filter; list: ExecutionList; page: number }): VNode {
  const now = useNow(list.rows.some((row) => row.stoppedAt === null));
  if (list.rows.length === 0) return html`<${NoExecutions} filter=${filter} />`;
  const shown =
    filter.status === undefined
      ? Object.values(list.counts).reduce((sum, value) => sum + value, 0)
      : (list.counts[filter.status] ?? 0);
  const first = (page - 1) * PAGE_SIZE + 1;
  return html`<${Table} label="Executions" columns=${columns(now)} rows=${list.rows} rowKey=${(row: ExecutionRow) => row.sequence} />
    <nav class="pager" aria-label="Pages of executions">
      <span>${count(first)} to ${count(first + list.rows.length - 1)} of ${plural(Math.max(shown, first + list.rows.length - 1), 'execution')}</span>
      <span class="pager-links">
        ${page > 1 ? html`<a class="button" href=${link(['executions'], { ...filter })}>Newest</a>` : null}
        ${
          list.older === null
            ? null
            : html`<a class="button" href=${link(['executions'], { ...filter, before: list.older, page: page + 1 })}>Older</a>`
        }
      </span>
    </nav>`;
}

function columns(now: number): Column<ExecutionRow>[] {
  return [
    { title: 'Status', class: 'bare head', cell: ({ status }) => html`<${Status} status=${status} />` },
    {
      title: 'Execution',
      class: 'wide bare',
      cell: ({ name, machine }) => html`<${ExecutionLink} name=${name} machine=${machine} />`,
    },
    {
      title: 'Collection',
      class: 'last',
      cell: ({ collection }) => (collection === null ? '–' : html`<${CollectionLink} name=${collection} />`),
    },
    { title: 'Outcome', class: 'two bare head', cell: (row) => html`<${Outcome} row=${row} />` },
    { title: 'Started', cell: ({ startedAt }) => html`<${Time} at=${startedAt} />` },
    {
      title: 'Duration',
      isNumber: true,
      cell: ({ startedAt, stoppedAt }) => html`<${Duration} from=${startedAt} to=${stoppedAt} now=${now} />`,
    },
  ];
}

/** How an execution ended, in a word or two, or the state that it is in. */
export function Outcome({ row }: { row: ExecutionRow }): VNode {
  const { status, state, version, deltas, error } = row;
  if (error !== null && status !== 'SUCCEEDED') return html`<span class="bad-text clip" title=${error}>${error}</span>`;
  if (status === 'RUNNING') return html`<span class="muted">in ${state ?? 'its start'}</span>`;
  const commit =
    version === null
      ? null
      : html`<span class="muted">version ${count(version)}, ${plural(deltas ?? 0, 'delta')}</span>`;
  return html`<span>${state ?? '–'} ${commit}</span>`;
}

function NoExecutions({ filter }: { filter: Filter }): VNode {
  if (filter.collection !== undefined || filter.status !== undefined) {
    return html`<${Empty} title="No execution matches.">
      <p><a href=${link(['executions'], { machine: filter.machine })}>Show all executions</a></p>
    <//>`;
  }
  return html`<${Empty} title="No execution yet.">
    <p>Create a collection, submit a delta, and start one:</p>
    <pre tabindex="0">${'npm run cli -- create pets --dimension 3\necho \'{"op":"upsert","id":"cat","embedding":[1,0,0]}\' | npm run cli -- submit pets\nnpm run cli -- start pets'}</pre>
  <//>`;
}

function chosenIn(event: Event): string | undefined {
  return (event.target as HTMLSelectElement).value || undefined;
}
