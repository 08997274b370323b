/**
 * Beside the graph: the path as a list on a time line or, for one state, the input, output and errors of each visit.
 */
import type { VNode } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ExecutionDetail, VisitData } from '../executions.ts';
import type { Attempt, Visit } from '../trace.ts';
import { useData } from './data.ts';
import { duration, messageOf, preciseTime } from './format.ts';
import { JsonView } from './json-view.ts';
import { Facts, Failure, html, Loading } from './ui.ts';

export function Inspector(props: {
  execution: ExecutionDetail;
  comment: string;
  selected: string | null;
  now: number;
  onSelect: (state: string | null) => void;
}): VNode {
  const { execution, selected, now, onSelect } = props;
  if (selected === null) return html`<${PathList} execution=${execution} now=${now} onSelect=${onSelect} />`;
  return html`<${StateView} key=${selected} ...${props} state=${selected} />`;
}

function PathList({
  execution,
  now,
  onSelect,
}: {
  execution: ExecutionDetail;
  now: number;
  onSelect: (state: string) => void;
}): VNode {
  const { trace, startedAt, stoppedAt } = execution;
  const whole = Math.max(1, (stoppedAt ?? now) - startedAt);
  return html`<div class="path">
    <p class="muted">${trace.visits.length} states in ${duration(whole)}</p>
    <ol class="path-list">
      ${trace.visits.map((visit) => {
        const end = visit.exitedAt ?? stoppedAt ?? now;
        const retries = Math.max(0, visit.attempts.length - 1);
        const offset = (visit.enteredAt - startedAt) / whole;
        return html`<li key=${visit.index}>
          <button type="button" class=${`path-step ${visit.caught === null ? '' : 'is-caught'}`} onClick=${() => onSelect(visit.state)}>
            <span class="path-name">${visit.state}</span>
            <span class="path-notes">
              ${retries > 0 ? html`<span class="tag tag-retry">↻ ${retries}</span>` : null}
              ${visit.caught === null ? null : html`<span class="tag tag-catch">${visit.caught.error}</span>`}
            </span>
            <span class="number path-time">${duration(end - visit.enteredAt)}</span>
            <svg class="path-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
              <rect class="path-track" width="100" height="4" />
              <rect class="path-fill" x=${Math.min(99, offset * 100)} width=${Math.max(1, ((end - visit.enteredAt) / whole) * 100)} height="4" />
            </svg>
          </button>
        </li>`;
      })}
    </ol>
  </div>`;
}

function StateView(props: {
  execution: ExecutionDetail;
  comment: string;
  state: string;
  now: number;
  onSelect: (state: string | null) => void;
}): VNode {
  const { execution, comment, state, onSelect, now } = props;
  const visits = execution.trace.visits.filter((visit) => visit.state === state);
  const [chosen, choose] = useState<number | null>(null);
  // The latest visit until one is chosen, so that it follows a running execution.
  const visit = visits.find(({ index }) => index === chosen) ?? visits.at(-1);
  return html`<div class="state-view">
    <button type="button" class="back" onClick=${() => onSelect(null)}>← Path</button>
    <h3>${state}</h3>
    <p class="muted">${comment}</p>
    ${
      visits.length < 2
        ? null
        : html`<label class="visit-choice">Visit
            <select value=${visit?.index} onChange=${(event: Event) => choose(Number((event.target as HTMLSelectElement).value))}>
              ${visits.map(
                ({ index, enteredAt, caught }, n) =>
                  html`<option key=${index} value=${index}>${n + 1} of ${visits.length}, ${preciseTime(enteredAt)}${caught === null ? '' : `, ${caught.error}`}</option>`,
              )}
            </select>
          </label>`
    }
    ${
      visit === undefined
        ? html`<p class="muted">This execution did not enter it.</p>`
        : html`<${VisitView} key=${visit.index} execution=${execution} visit=${visit} now=${now} />`
    }
  </div>`;
}

function VisitView({ execution, visit, now }: { execution: ExecutionDetail; visit: Visit; now: number }): VNode {
  const { machine, name, stoppedAt } = execution;
  // Requested again with every attempt; the answer is final once the state was left.
  const version = `${visit.attempts.length}.${visit.exitedAt ?? ''}.${stoppedAt ?? ''}`;
  const [asked, ask] = useState(version);
  useEffect(() => ask(version), [version]);
  const url = `/api/executions/${encodeURIComponent(name)}/visits/${visit.index}?machine=${encodeURIComponent(machine)}&v=${asked}`;
  const { data, problem } = useData<VisitData>(url, () => visit.exitedAt !== null || stoppedAt !== null);
  const end = visit.exitedAt ?? stoppedAt ?? now;
  const failure =
    visit.caught ?? (visit.isLast && visit.attempts.at(-1)?.error != null ? (visit.attempts.at(-1) ?? null) : null);
  return html`<div class="visit">
    <${Facts} facts=${[
      { label: 'Entered', value: preciseTime(visit.enteredAt) },
      { label: 'Took', value: duration(end - visit.enteredAt) },
      { label: 'Attempts', value: visit.attempts.length === 0 ? '–' : String(visit.attempts.length) },
    ]} />
    ${
      failure === null
        ? null
        : html`<div class="failure"><strong>${failure.error}</strong> ${visit.caught === null ? '' : html`<span class="tag tag-catch">caught</span>`}
            <p>${messageOf(failure.cause)}</p></div>`
    }
    ${visit.attempts.length < 2 ? null : html`<${Attempts} attempts=${visit.attempts} now=${now} />`}
    ${problem === undefined ? null : html`<${Failure} problem=${problem} />`}
    ${data === undefined && problem === undefined ? html`<${Loading} />` : null}
    ${data === undefined ? null : html`<${VisitTexts} data=${data} failure=${failure?.cause ?? null} />`}
  </div>`;
}

function VisitTexts({ data, failure }: { data: VisitData; failure: string | null }): VNode {
  const last = data.attempts.at(-1);
  return html`
    <details open><summary>Output</summary><${JsonView} text=${data.output} label="Output" /></details>
    <details open><summary>Input</summary><${JsonView} text=${data.input} label="Input" /></details>
    ${last?.input != null && last.input !== data.input ? html`<details><summary>Sent to the function</summary><${JsonView} text=${last.input} label="Sent to the function" /></details>` : null}
    ${failure === null ? null : html`<details><summary>Cause, as thrown</summary><${JsonView} text=${failure} label="Cause, as thrown" /></details>`}
  `;
}

function Attempts({ attempts, now }: { attempts: readonly Attempt[]; now: number }): VNode {
  return html`<ol class="attempts" aria-label="Attempts">
    ${attempts.map(
      (attempt, index) => html`<li key=${index} class=${`attempt attempt-${attempt.outcome}`}>
        <span class="number">${index + 1}</span>
        <span>${preciseTime(attempt.startedAt)}</span>
        <span class="number">${duration((attempt.endedAt ?? now) - attempt.startedAt)}</span>
        <span class=${attempt.error === null ? '' : 'bad-text'} title=${messageOf(attempt.cause)}>${attempt.error ?? attempt.outcome}</span>
      </li>`,
    )}
  </ol>`;
}
