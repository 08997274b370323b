/** One collection: what is current, what is held, its versions, and the deltas that wait or were rejected. */
import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { CollectionDetail, DeltaRow, HeldView, RejectionRow, SourceCounts, VersionRow } from '../collections.ts';
import { StartCompaction } from './actions.ts';
import { ago } from './collections-page.ts';
import { useData, useNow } from './data.ts';
import { bytes, count, duration, fullTime, plural, shortName } from './format.ts';
import { link } from './router.ts';
import { type Column, Empty, ExecutionLink, Facts, Failure, Heading, html, Loading, Panel, Table, Time } from './ui.ts';

const PAGE_SIZE = 25;

export function CollectionPage({ name, query }: { name: string; query: URLSearchParams }): VNode {
  const base = `/api/collections/${encodeURIComponent(name)}`;
  const { data, problem } = useData<CollectionDetail>(base);
  const now = useNow(true);
  return html`<${Heading} kicker=${html`<a href=${link(['collections'])}>Collections</a>`}><span class="name-long">${name}</span><//>
    <p class="page-links"><a href=${link(['executions'], { collection: name })}>Executions</a> <a href=${link(['locks'], { collection: name })}>Lock swimlane</a></p>
    ${data === undefined ? null : html`<div class="actions"><${StartCompaction} collection=${name} /></div>`}
    ${problem === undefined ? null : html`<${Failure} problem=${problem} />`}
    ${data === undefined && problem === undefined ? html`<${Loading} />` : null}
    ${data === undefined ? null : html`<${Current} detail=${data} now=${now} />`}
    ${data === undefined ? null : html`<${Versions} name=${name} before=${query.get('before')} now=${now} />`}
    ${
      data === undefined
        ? null
        : html`<div class="halves"><${Pending} detail=${data} now=${now} /><${Rejected} name=${name} /></div>`
    }`;
}

function Current({ detail, now }: { detail: CollectionDetail; now: number }): VNode {
  const { pointer, dimension, space, snapshotBytes, lock, claim, wake, log, name } = detail;
  return html`<section class="summary summary-plain" aria-label="Current version">
    <${Facts} facts=${[
      { label: 'Version', value: html`<span class="big">${count(pointer.version)}</span>` },
      { label: 'Records', value: html`<span class="big">${count(pointer.records)}</span>` },
      { label: 'Snapshot', value: html`<span class="big">${bytes(snapshotBytes)}</span>` },
      {
        label: 'Committed',
        value: html`<span title=${pointer.committedAt}>${ago(now - Date.parse(pointer.committedAt))}</span>`,
      },
      {
        label: 'By',
        value: pointer.execution.startsWith('arn:')
          ? html`<${ExecutionLink} name=${shortName(pointer.execution)} />`
          : pointer.execution,
      },
      { label: 'Vectors', value: `${dimension} dimensions, ${space}` },
      { label: 'Lock', value: html`<${Held} held=${lock} now=${now} free="free" />` },
      { label: 'Claim', value: html`<${Held} held=${claim} now=${now} free="none" />` },
      { label: 'Wake-ups', value: count(wake) },
      { label: 'Fence', value: count(pointer.fence) },
      ...(log.decided + log.waiting > 0 ? [{ label: 'Log', value: inLog(log) }] : []),
      ...(name === null ? [] : [{ label: 'Called', value: html`<span class="name">${name}</span>` }]),
    ]} />
  </section>`;
}

function inLog({ decided, waiting }: CollectionDetail['log']): string {
  return `${count(waiting)} ${waiting === 1 ? 'waits' : 'wait'}, decided to number ${count(decided)}`;
}

function sourcesIn(counts: SourceCounts): string {
  const some = Object.entries(counts).filter(([, number]) => number > 0);
  if (some.length === 0) return '–';
  if (some.length === 1) return some[0]?.[0] ?? '';
  return some.map(([source, number]) => `${count(number)} ${source}`).join(', ');
}

function Held({ held, now, free }: { held: HeldView | null; now: number; free: string }): VNode {
  if (held === null) return html`<span class="muted">${free}</span>`;
  const since = held.since === null ? '' : ` for ${duration(Math.max(0, now - held.since))}`;
  const until = held.expiresAt === null ? '' : `expires ${fullTime(held.expiresAt)}`;
  return html`<span title=${until}><span class="tag tag-held">${held.phase ?? 'held'}</span> <${ExecutionLink} name=${shortName(held.execution)} />${since}, token ${held.token}</span>`;
}

function Versions({ name, before, now }: { name: string; before: string | null; now: number }): VNode {
  const page = link([], { before: before ?? undefined, limit: PAGE_SIZE }).replace(/^#\//, '');
  const { data, problem } = useData<{ rows: VersionRow[]; older: number | null; retainedFrom: number }>(
    `/api/collections/${encodeURIComponent(name)}/versions${page}`,
  );
  const pager = html`<span class="pager-links">
    ${data === undefined ? null : html`<span class="muted">retained from version ${count(data.retainedFrom)}</span>`}
    ${before === null ? null : html`<a class="button" href=${link(['collections', name])}>Newest</a>`}
    ${data?.older == null ? null : html`<a class="button" href=${link(['collections', name], { before: data.older })}>Older</a>`}
  </span>`;
  return html`<${Panel} title="Versions" id="versions" note=${pager}>
    ${problem === undefined ? null : html`<${Failure} problem=${problem} />`}
    ${data === undefined && problem === undefined ? html`<${Loading} />` : null}
    ${data === undefined ? null : html`<${Table} label="Versions" columns=${versionColumns(now)} rows=${data.rows} rowKey=${(row: VersionRow) => row.version} />`}
  <//>`;
}

function versionColumns(now: number): Column<VersionRow>[] {
  return [
    { title: 'Version', isNumber: true, cell: ({ version }) => html`<strong>${count(version)}</strong>` },
    { title: 'Records', isNumber: true, cell: ({ records }) => count(records) },
    { title: 'Deltas', isNumber: true, cell: ({ deltas }) => count(deltas) },
    { title: 'From', cell: ({ sources }) => html`<span class="muted">${sourcesIn(sources)}</span>` },
    {
      title: 'Rejected',
      isNumber: true,
      cell: ({ rejectedOperations }) =>
        html`<span class=${rejectedOperations > 0 ? 'bad-text' : 'muted'}>${count(rejectedOperations)}</span>`,
    },
    { title: 'Uploaded', isNumber: true, cell: ({ uploadedBytes }) => bytes(uploadedBytes) },
    { title: 'Snapshot', isNumber: true, cell: ({ snapshotBytes }) => bytes(snapshotBytes) },
    {
      title: 'Sealed',
      cell: ({ sealedAt }) => html`<span title=${ago(now - sealedAt)}><${Time} at=${sealedAt} /></span>`,
    },
    {
      title: 'Execution',
      class: 'wide',
      cell: ({ execution, version }) =>
        execution === null
          ? html`<span class="muted">${version === 0 ? 'created' : 'not run here'}</span>`
          : html`<${ExecutionLink} name=${execution} />`,
    },
  ];
}

function Pending({ detail, now }: { detail: CollectionDetail; now: number }): VNode {
  const { pending, unsettled } = detail;
  const more = pending.total > pending.rows.length ? ` The first ${count(pending.rows.length)} are shown.` : '';
  const note = html`<span class="muted">${plural(pending.total, 'delta')}${unsettled > 0 ? `, ${count(unsettled)} to be settled` : ''}.${more}</span>`;
  const columns: Column<DeltaRow>[] = [
    {
      title: 'Delta',
      class: 'wide',
      cell: ({ deltaId, number }) =>
        html`<span class="name" title=${deltaId}>${number === null ? deltaId : `number ${count(number)}`}</span>`,
    },
    { title: 'From', cell: ({ source }) => source },
    { title: 'Size', isNumber: true, cell: ({ size }) => bytes(size) },
    {
      title: 'Age',
      isNumber: true,
      cell: ({ arrivedAt }) =>
        html`<span title=${fullTime(arrivedAt)}>${duration(Math.max(0, now - arrivedAt))}</span>`,
    },
  ];
  return html`<${Panel} title="Pending deltas" id="pending" note=${note}>
    ${
      pending.rows.length === 0
        ? html`<${Empty} title="Nothing waits." />`
        : html`<${Table} label="Pending deltas" columns=${columns} rows=${pending.rows} rowKey=${(row: DeltaRow) => row.deltaId} />`
    }
  <//>`;
}

function Rejected({ name }: { name: string }): VNode {
  const [limit, setLimit] = useState(PAGE_SIZE);
  const { data, problem } = useData<{ total: number; rows: RejectionRow[] }>(
    `/api/collections/${encodeURIComponent(name)}/rejections?limit=${limit}`,
  );
  const note = data === undefined ? undefined : html`<span class="muted">${plural(data.total, 'report')}.</span>`;
  return html`<${Panel} title="Rejected operations" id="rejected" note=${note}>
    ${problem === undefined ? null : html`<${Failure} problem=${problem} />`}
    ${data === undefined && problem === undefined ? html`<${Loading} />` : null}
    ${data !== undefined && data.rows.length === 0 ? html`<${Empty} title="Nothing was rejected." />` : null}
    <ul class="rejections">
      ${(data?.rows ?? []).map((row) => html`<${Rejection} key=${`${row.deltaId} ${row.at}`} row=${row} />`)}
    </ul>
    ${
      data !== undefined && data.rows.length < data.total && limit < 200
        ? html`<button type="button" class="button" onClick=${() => setLimit(Math.min(200, limit * 2))}>Show more</button>`
        : null
    }
  <//>`;
}

function Rejection({ row }: { row: RejectionRow }): VNode {
  const { deltaId, outcome, version, rejectedOperations, rejections, problem } = row;
  const what =
    outcome === 'applied'
      ? `${plural(rejectedOperations, 'operation')} rejected, the rest applied in version ${version}`
      : `nothing of it was applied`;
  return html`<li>
    <p class="rejection-head"><span class="name" title=${deltaId}>${deltaId}</span> <span class="muted"><${Time} at=${row.at} /></span></p>
    <p class="muted">${problem ?? what}</p>
    <ul class="lines">
      ${rejections.map(
        ({ line, id, error, reason }) => html`<li key=${line}>
          <span class="tag">${line === 0 ? 'whole delta' : `line ${line}`}</span> <strong>${error}</strong>${id === undefined ? '' : html` <code class="name">${id}</code>`}
          <span class="reason">${reason}</span>
        </li>`,
      )}
    </ul>
  </li>`;
}
