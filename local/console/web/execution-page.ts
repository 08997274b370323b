/** One execution: why it ended as it did, its path through the graph, its events, its input and output. */
import type { VNode } from 'preact';
import type { ExecutionDetail } from '../executions.ts';
import type { PlacedGraph } from '../graph/layout.ts';
import { ExecutionActions } from './actions.ts';
import { useData, useNow } from './data.ts';
import { EventsTable } from './events-table.ts';
import { GraphView } from './graph-view.ts';
import { Inspector } from './inspector.ts';
import { JsonView } from './json-view.ts';
import { link, replaceQuery } from './router.ts';
import { type Story, tellStory } from './story.ts';
import { CollectionLink, Duration, Empty, Facts, Failure, Heading, html, Loading, Panel, Status, Time } from './ui.ts';

export function ExecutionPage({
  machine,
  name,
  query,
}: {
  machine: string;
  name: string;
  query: URLSearchParams;
}): VNode {
  const of = `machine=${encodeURIComponent(machine)}`;
  const { data, problem } = useData<ExecutionDetail>(
    `/api/executions/${encodeURIComponent(name)}?${of}`,
    (execution) => execution.status !== 'RUNNING',
  );
  const { data: graph } = useData<PlacedGraph>(`/api/machines/${encodeURIComponent(machine)}`, () => true);
  const kicker = html`<a href=${link(['executions'], { machine })}>Executions</a> <span aria-hidden="true">/</span> ${machine}`;
  return html`<${Heading} kicker=${kicker}><span class="name-long">${name}</span><//>
    ${
      problem?.error === 'ExecutionDoesNotExist'
        ? html`<${Empty} title="There is no such execution."><p>Executions are kept for 90 days. <a href=${link(['executions'])}>Show all</a></p><//>`
        : problem === undefined
          ? null
          : html`<${Failure} problem=${problem} />`
    }
    ${problem === undefined && (data === undefined || graph === undefined) ? html`<${Loading} />` : null}
    ${data === undefined || graph === undefined ? null : html`<${Execution} execution=${data} graph=${graph} selected=${query.get('state')} />`}`;
}

function Execution(props: { execution: ExecutionDetail; graph: PlacedGraph; selected: string | null }): VNode {
  const { execution, graph, selected } = props;
  const now = useNow(execution.stoppedAt === null);
  const { machine, name } = execution;
  const select = (state: string | null) => replaceQuery(['executions', machine, name], { state: state ?? undefined });
  const comment = graph.nodes.find(({ id }) => id === selected)?.comment ?? '';
  return html`
    <${Summary} execution=${execution} story=${tellStory(execution, now)} now=${now} onSelect=${select} />
    <div class="split">
      <${Panel} title="State graph" id="graph" class="graph-panel">
        <${GraphView} graph=${graph} trace=${execution.trace} status=${execution.status} error=${execution.error} selected=${selected} onSelect=${select} />
      <//>
      <${Panel} title=${selected === null ? 'Path' : 'State'} id="inspector" class="inspector">
        <${Inspector} execution=${execution} comment=${comment} selected=${selected} now=${now} onSelect=${select} />
      <//>
    </div>
    <div class="halves">
      <${Panel} title="Input" id="input"><${JsonView} text=${execution.input} label="Input of the execution" /><//>
      <${Panel} title=${execution.error === null ? 'Output' : 'Error and cause'} id="output">
        ${
          execution.error === null
            ? html`<${JsonView} text=${execution.output} label="Output of the execution" />`
            : html`<p class="bad-text"><strong>${execution.error}</strong></p><${JsonView} text=${execution.cause} label="Cause" />`
        }
      <//>
    </div>
    <${EventsTable} execution=${execution} />`;
}

function Summary(props: {
  execution: ExecutionDetail;
  story: Story;
  now: number;
  onSelect: (state: string) => void;
}): VNode {
  const { execution, story, now, onSelect } = props;
  const { collection, startedAt, stoppedAt, status, trace } = execution;
  return html`<section class=${`summary summary-${story.tone}`} aria-label="Summary">
    <div class="summary-main">
      <p class="summary-line"><${Status} status=${status} /> <strong>${story.headline}</strong></p>
      ${story.message === '' ? null : html`<p class="summary-message">${story.message}</p>`}
      ${
        story.points.length === 0
          ? null
          : html`<ul class="points">
              ${story.points.map(
                ({ kind, text, state }) => html`<li key=${text} class=${`point point-${kind}`}>
                  ${state === null ? text : html`<button type="button" class="as-link" onClick=${() => onSelect(state)}>${text}</button>`}
                </li>`,
              )}
            </ul>`
      }
      <div class="actions"><${ExecutionActions} execution=${execution} /></div>
    </div>
    <${Facts} facts=${[
      { label: 'Collection', value: collection === null ? '–' : html`<${CollectionLink} name=${collection} />` },
      { label: 'Started', value: html`<${Time} at=${startedAt} />` },
      { label: 'Duration', value: html`<${Duration} from=${startedAt} to=${stoppedAt} now=${now} />` },
      { label: 'States', value: String(trace.visits.length) },
      ...(collection === null
        ? []
        : [
            {
              label: 'Locks',
              value: html`<a href=${link(['locks'], { collection, execution: execution.name })}>Swimlane</a>`,
            },
          ]),
    ]} />
  </section>`;
}
