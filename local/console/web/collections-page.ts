/** Every collection at a glance. */
import type { VNode } from 'preact';
import type { CollectionRow } from '../collections.ts';
import { useData, useNow } from './data.ts';
import { count, duration, fullTime, shortName } from './format.ts';
import { link } from './router.ts';
import {
  CollectionLink,
  type Column,
  Empty,
  ExecutionLink,
  Failure,
  Heading,
  html,
  Loading,
  statusText,
  Table,
} from './ui.ts';

export function CollectionsPage(): VNode {
  const { data, problem } = useData<CollectionRow[]>('/api/collections');
  const now = useNow(true);
  return html`<${Heading}>Collections<//>
    ${problem === undefined ? null : html`<${Failure} problem=${problem} />`}
    ${data === undefined && problem === undefined ? html`<${Loading} />` : null}
    ${data === undefined ? null : data.length === 0 ? html`<${NoCollections} />` : html`<${Table} label="Collections" columns=${columns(now)} rows=${data} rowKey=${(row: CollectionRow) => row.collection} />`}`;
}

function columns(now: number): Column<CollectionRow>[] {
  return [
    {
      title: 'Collection',
      class: 'wide',
      cell: ({ collection, name }) =>
        html`<${CollectionLink} name=${collection} />${name === null ? null : html` <span class="muted name">${name}</span>`}`,
    },
    {
      title: 'Version',
      isNumber: true,
      cell: ({ version, problem }) =>
        version === null ? html`<span class="bad-text">${problem}</span>` : count(version),
    },
    { title: 'Records', isNumber: true, cell: ({ records }) => (records === null ? '–' : count(records)) },
    { title: 'Waiting', isNumber: true, cell: ({ waiting }) => (waiting === null ? '–' : count(waiting)) },
    {
      title: 'Oldest',
      isNumber: true,
      cell: ({ oldestAt }) =>
        oldestAt === null ? '–' : html`<span title=${fullTime(oldestAt)}>${inSeconds(now - oldestAt)}</span>`,
    },
    { title: 'Logged', isNumber: true, cell: ({ logged }) => (logged === null ? '–' : count(logged)) },
    {
      title: 'Committed',
      cell: ({ committedAt }) =>
        committedAt === null ? '–' : html`<span title=${committedAt}>${ago(now - Date.parse(committedAt))}</span>`,
    },
    {
      title: 'Last error',
      class: 'wide',
      cell: ({ lastError }) => {
        if (lastError === null) return html`<span class="muted">none</span>`;
        const { error, status, execution, at } = lastError;
        return html`<span class="bad-text clip">${error ?? statusText(status)}</span> <span class="muted">${ago(now - at)} in</span> <${ExecutionLink} name=${execution} />`;
      },
    },
    {
      title: 'Lock and claim',
      class: 'wide',
      cell: ({ lock, claim }) => {
        const holder = lock?.execution ?? claim?.execution;
        if (holder === undefined) return html`<span class="muted">free</span>`;
        return html`<span>${lock === null ? 'claimed by' : `locked (${lock.phase}) by`} <${ExecutionLink} name=${shortName(holder)} /></span>`;
      },
    },
    {
      title: 'Executions',
      class: 'wide',
      cell: ({ collection }) =>
        html`<a href=${link(['executions'], { collection })}>Executions</a> · <a href=${link(['locks'], { collection })}>Locks</a>`,
    },
  ];
}

export function ago(ms: number): string {
  return ms < 1_500 ? 'just now' : `${inSeconds(ms)} ago`;
}

/** Without fractions, which would only flicker. */
function inSeconds(ms: number): string {
  return duration(Math.round(Math.max(1_000, ms) / 1_000) * 1_000).replace(/\.\d+/, '');
}

function NoCollections(): VNode {
  return html`<${Empty} title="No collection yet.">
    <p>A collection comes into being by an explicit act only:</p>
    <pre tabindex="0">npm run cli -- create pets --dimension 3</pre>
  <//>`;
}
