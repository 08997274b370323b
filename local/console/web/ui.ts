/** Small parts that every page is made of. Text is inserted as text: nothing here turns a value into markup. */
import { html } from 'htm/preact';
import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Problem } from './data.ts';
import { duration, fullTime, time } from './format.ts';
import { link } from './router.ts';

export { html };

const STATUS_TEXT: Readonly<Record<string, string>> = {
  RUNNING: 'Running',
  SUCCEEDED: 'Succeeded',
  FAILED: 'Failed',
  TIMED_OUT: 'Timed out',
  ABORTED: 'Aborted',
};
/** A shape of its own for each status, since colour alone is not accessible. */
const STATUS_SIGN: Readonly<Record<string, string>> = {
  RUNNING: '◔',
  SUCCEEDED: '✓',
  FAILED: '✕',
  TIMED_OUT: '⧖',
  ABORTED: '■',
};

export function statusText(status: string): string {
  return STATUS_TEXT[status] ?? status;
}

export function Status({ status }: { status: string }): VNode {
  return html`<span class=${`status status-${status.toLowerCase()}`}>
    <span aria-hidden="true">${STATUS_SIGN[status] ?? '•'}</span> ${statusText(status)}
  </span>`;
}

export function Time({ at }: { at: number }): VNode {
  return html`<time datetime=${fullTime(at)} title=${fullTime(at)}>${time(at)}</time>`;
}

export function Duration({ from, to, now }: { from: number; to: number | null; now: number }): VNode {
  return html`<span class="number">${duration(Math.max(0, (to ?? now) - from))}</span>`;
}

export function ExecutionLink({ name, machine = 'compaction' }: { name: string; machine?: string }): VNode {
  return html`<a class="name" href=${link(['executions', machine, name])} title=${name}>${name}</a>`;
}

export function CollectionLink({ name }: { name: string }): VNode {
  return html`<a class="name" href=${link(['collections', name])} title=${name}>${name}</a>`;
}

let hasEntered = false;

/** The heading takes the focus when a page is entered, so that keyboard and screen reader start there. */
export function Heading({ children, kicker }: { children: ComponentChildren; kicker?: ComponentChildren }): VNode {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    // Not on the first load, when the focus belongs to the page itself.
    if (hasEntered) heading.current?.focus({ preventScroll: true });
    hasEntered = true;
  }, []);
  return html`<header class="page-head">
    ${kicker === undefined ? null : html`<p class="kicker">${kicker}</p>`}
    <h1 ref=${heading} tabindex="-1">${children}</h1>
  </header>`;
}

export function Panel(props: {
  title: string;
  id: string;
  note?: ComponentChildren;
  class?: string;
  children?: ComponentChildren;
}): VNode {
  const { title, id, note, children } = props;
  return html`<section class=${`panel ${props.class ?? ''}`} aria-labelledby=${id}>
    <div class="panel-head"><h2 id=${id}>${title}</h2>${note === undefined ? null : html`<div class="note">${note}</div>`}</div>
    ${children}
  </section>`;
}

export function Failure({ problem }: { problem: Problem }): VNode {
  return html`<div class="failure" role="alert"><strong>${problem.error}</strong><p>${problem.message}</p></div>`;
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }): VNode {
  return html`<div class="empty"><p class="empty-title">${title}</p>${children}</div>`;
}

export function Loading(): VNode {
  return html`<p class="loading" role="status">Reading …</p>`;
}

export interface Fact {
  label: string;
  value: ComponentChildren;
}

export function Facts({ facts }: { facts: readonly Fact[] }): VNode {
  return html`<dl class="facts">
    ${facts.map(({ label, value }) => html`<div key=${label}><dt>${label}</dt><dd>${value}</dd></div>`)}
  </dl>`;
}

export interface Column<Row> {
  title: string;
  /** Numbers are right-aligned. */
  isNumber?: boolean;
  class?: string;
  cell: (row: Row) => ComponentChildren;
}

/** A table that becomes a list of cards on a narrow screen, and stays a table to a screen reader. */
export function Table<Row>(props: {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  rowKey: (row: Row) => string | number;
}): VNode {
  const { label, columns, rows, rowKey } = props;
  const classes = ({ isNumber, class: own }: Column<Row>) => `${isNumber ? 'number' : ''} ${own ?? ''}`;
  return html`<div class="table-wrap" role="group" aria-label=${`${label}, to scroll`} tabindex="0">
    <table role="table" aria-label=${label}>
      <thead role="rowgroup">
        <tr role="row">
          ${columns.map((column) => html`<th role="columnheader" scope="col" class=${classes(column)}>${column.title}</th>`)}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${rows.map(
          (row) => html`<tr role="row" key=${rowKey(row)}>
            ${columns.map((column) => html`<td role="cell" class=${classes(column)} data-title=${column.title}>${column.cell(row)}</td>`)}
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
