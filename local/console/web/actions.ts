/**
 * What the page can change. It calls the Step Functions API at the address that served it, as any client does: by POST
 * alone, behind the checks of Host and Origin, and with that API's own validation.
 */
import type { VNode } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { ExecutionDetail } from '../executions.ts';
import { type Problem, problemIn, useData } from './data.ts';
import { shortName } from './format.ts';
import { navigate } from './router.ts';
import { Failure, html } from './ui.ts';

type Answer = { problem: Problem } | { problem: undefined; executionArn?: string };

async function call(operation: 'StartExecution' | 'StopExecution', input: Record<string, string>): Promise<Answer> {
  try {
    const response = await fetch('/', {
      method: 'POST',
      headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `AWSStepFunctions.${operation}` },
      body: JSON.stringify(input),
    });
    const text = await response.text();
    if (!response.ok) return { problem: problemIn(text) };
    return { ...(JSON.parse(text) as { executionArn?: string }), problem: undefined };
  } catch {
    return {
      problem: { error: 'NoAnswer', message: 'The local stack does not answer. See if it runs, and try again.' },
    };
  }
}

/** `null` for an execution that succeeded: there is nothing to do about it. */
export function ExecutionActions({ execution }: { execution: ExecutionDetail }): VNode | null {
  const { status, name, arn, stateMachineArn, input } = execution;
  if (status === 'SUCCEEDED') return null;
  if (status === 'RUNNING') {
    return html`<${ConfirmedAction}
      label="Stop"
      question=${`Stop ${name}?`}
      run=${() => call('StopExecution', { executionArn: arn, error: 'Stopped', cause: 'Stopped on the console.' })}
    >
      <p>It ends as aborted. Its lock and claim are released on its behalf, and its deltas wait for the next execution.</p>
    <//>`;
  }
  return html`<${ConfirmedAction} label="Start again" question="Start it again?" run=${() => start(stateMachineArn, input)}>
    <p>A new execution of ${shortName(stateMachineArn)} gets the input of this one. Mend the cause first, or it ends the same way.</p>
    <pre tabindex="0">${input}</pre>
  <//>`;
}

export function StartCompaction({ collection }: { collection: string }): VNode | null {
  const { data: stack } = useData<{ machineArn: string }>('/api/stack', () => true);
  if (stack === undefined) return null;
  const input = JSON.stringify({ collection });
  return html`<${ConfirmedAction} label="Start a compaction" question="Start a compaction?" run=${() => start(stack.machineArn, input)}>
    <p>A new execution commits what waits for ${collection}. If another has the claim, this one delegates to it.</p>
  <//>`;
}

async function start(stateMachineArn: string, input: string): Promise<Answer> {
  const answer = await call('StartExecution', { stateMachineArn, input });
  if (answer.problem === undefined && answer.executionArn !== undefined)
    navigate(['executions', shortName(stateMachineArn), shortName(answer.executionArn)]);
  return answer;
}

/** A button that first says what it will do, in a modal dialog; Escape and Cancel leave everything as it is. */
function ConfirmedAction(props: {
  label: string;
  question: string;
  run: () => Promise<Answer>;
  children: unknown;
}): VNode {
  const { label, question, run, children } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Problem | undefined>(undefined);
  useEffect(() => {
    if (isOpen) dialog.current?.showModal();
  }, [isOpen]);
  const confirm = async () => {
    setBusy(true);
    setProblem(undefined);
    const answer = await run();
    setBusy(false);
    if (answer.problem === undefined) dialog.current?.close();
    else setProblem(answer.problem);
  };
  return html`<button type="button" class="action" onClick=${() => setOpen(true)}>${label}</button>
    ${
      isOpen
        ? html`<dialog ref=${dialog} class="confirm" aria-labelledby="question" onClose=${() => setOpen(false)}>
            <h2 id="question">${question}</h2>
            ${children}
            ${problem === undefined ? null : html`<${Failure} problem=${problem} />`}
            <div class="confirm-buttons">
              <button type="button" onClick=${() => dialog.current?.close()}>Cancel</button>
              <button type="button" class="primary" disabled=${isBusy} onClick=${confirm}>${label}</button>
            </div>
          </dialog>`
        : null
    }`;
}
