/** docs/reference/errors.md: causes and remedies from the catalogues, what the state machines do from the ASL files. */

import { AWS_ERROR_CATALOGUE } from '../../lambdas/errors/aws-error-catalogue.ts';
import { ERROR_CATALOGUE } from '../../lambdas/errors/error-catalogue.ts';
import { expectedTotalSeconds, type RetryPolicy, worstTotalSeconds } from '../../lambdas/protocol/backoff.ts';
import { REJECTION_CATALOGUE } from '../../lambdas/snapshot/rejection-catalogue.ts';
import { COMPACTION, RELEASE_ABANDONED, readDefinition } from '../../local/machines.ts';
import { anchor, code, heading, list, page, table } from './markdown.ts';

interface Rule extends RetryPolicy {
  Comment?: string;
  ErrorEquals: string[];
  Next?: string;
}
interface Task {
  /** `release-abandoned: <state>` for those of that machine. */
  name: string;
  isLambda: boolean;
  retry: Rule[];
  caught: Rule[];
}

export function errorsPage(): string {
  const tasks = [COMPACTION, RELEASE_ABANDONED].flatMap(tasksOf);
  const names = Object.keys(ERROR_CATALOGUE);
  return page(
    heading(
      'Errors',
      'lambdas/errors/error-catalogue.ts',
      'lambdas/errors/aws-error-catalogue.ts',
      'lambdas/snapshot/rejection-catalogue.ts',
      'statemachine/compaction.asl.json',
      'statemachine/release-abandoned.asl.json',
    ),
    `Every error has a stable name. A Lambda reports it as \`errorType\`, the state machine matches it, and \`compactor\` prints it before the message.

An execution that fails has the name of the **first** error, and its cause, in its header. A producer's mistake is not an error: it is a [rejection](#rejections), and the execution goes on.`,
    `## How the state machine treats an error

1. A **Retry** rule that names it comes first: the state is entered again, after a wait. Most waits have full jitter, which halves them on average: below are the expected total and the longest.
2. Then a **Catch** rule that names it leads to another state.
3. Any other error, and any whose retries are used up, is caught by the last rule of its state:`,
    table(
      ['last rule of', 'leads to', 'because'],
      byTarget(tasks).map(({ states, next, comment }) => [states, code(next), comment]),
    ),
    `## Errors\n\n${list(names.map((name) => `[${name}](#${anchor(name)})`))}`,
    ...Object.entries(ERROR_CATALOGUE).map(([name, { cause, remedy }]) =>
      page(`### ${name}`, `**Cause.** ${cause}`, `**Remedy.** ${remedy}`, treatment(name, tasks)),
    ),
    `## Names that AWS gives

They take the place of an error's name when the Lambda did not answer at all.`,
    table(
      ['name', 'cause', 'remedy', 'state machine'],
      Object.entries(AWS_ERROR_CATALOGUE).map(([name, { cause, remedy }]) => [
        code(name),
        cause,
        remedy,
        treatments(name, tasks).join(' '),
      ]),
    ),
    `## Rejections

An operation that cannot be applied is rejected, with its line number and one of these reasons, and the rest of its delta is applied. A delta of which nothing can be applied gets the status \`rejected\`. The report is \`rejected/<collection>/<deltaId>.json\`.`,
    table(
      ['reason', 'rejected', 'cause', 'remedy'],
      Object.entries(REJECTION_CATALOGUE).map(([name, { rejects, cause, remedy }]) => [
        code(name),
        rejects === 'line' ? 'the operation' : 'the whole delta',
        cause,
        remedy,
      ]),
    ),
  );
}

function tasksOf(machine: string): Task[] {
  const { States } = JSON.parse(readDefinition(machine)) as {
    States: Record<string, { Type: string; Resource?: string; Retry?: Rule[]; Catch?: Rule[] }>;
  };
  return Object.entries(States)
    .filter(([, { Type }]) => Type === 'Task')
    .map(([state, { Resource = '', Retry = [], Catch = [] }]) => ({
      name: machine === COMPACTION ? state : `${machine}: ${state}`,
      isLambda: Resource.startsWith('${'),
      retry: Retry,
      caught: Catch,
    }));
}

function treatment(name: string, tasks: readonly Task[]): string {
  const said = treatments(name, tasks);
  if (said.length === 0) return '**State machine.** No rule names it.';
  return said.length === 1 ? `**State machine.** ${said[0]}` : `**State machine.**\n\n${list(said)}`;
}

/** One sentence per kind of rule that names the error. States that share a rule share its sentence. */
function treatments(name: string, tasks: readonly Task[]): string[] {
  const sentences = new Map<string, string[]>();
  for (const task of tasks) {
    for (const rule of [...task.retry, ...task.caught]) {
      if (!rule.ErrorEquals.includes(name)) continue;
      const sentence = describe(rule);
      sentences.set(sentence, [...(sentences.get(sentence) ?? []), task.name]);
    }
  }
  return [...sentences].map(([sentence, states]) => `${sentence.replace('{states}', naming(states, tasks))}`);
}

function describe({ Next, MaxAttempts, Comment = '', ...policy }: Rule): string {
  if (Next !== undefined) return `Caught in {states}, which goes on at \`${Next}\`. ${Comment}`;
  if (MaxAttempts === 0) return 'Never retried, in {states}.';
  const whole = { ...policy, ...(MaxAttempts === undefined ? {} : { MaxAttempts }) };
  const [expected, worst] = [expectedTotalSeconds(whole), worstTotalSeconds(whole)];
  const waits = expected === worst ? `${worst} s in all` : `${expected} s of waiting expected, ${worst} s at most`;
  return `Retried up to ${MaxAttempts} times (${waits}), in {states}.`;
}

function byTarget(tasks: readonly Task[]): Array<{ states: string; next: string; comment: string }> {
  const groups = Map.groupBy(tasks, ({ caught }) => {
    const { Next = '', Comment = '' } = caught.at(-1) ?? {};
    return JSON.stringify([Next, Comment]);
  });
  return [...groups].map(([key, states]) => {
    const [next, comment] = JSON.parse(key) as [string, string];
    return { states: states.map(({ name }) => code(name)).join(', '), next, comment };
  });
}

/** A list, or what is left out of all states that call a Lambda, if that is shorter. */
function naming(states: readonly string[], tasks: readonly Task[]): string {
  const lambdas = tasks.filter(({ isLambda }) => isLambda).map(({ name }) => name);
  const others = lambdas.filter((name) => !states.includes(name));
  const every = 'every state that calls a Lambda';
  if (states.every((name) => lambdas.includes(name)) && others.length < states.length) {
    return others.length === 0 ? every : `${every} but ${others.map(code).join(', ')}`;
  }
  return states.map(code).join(', ');
}
