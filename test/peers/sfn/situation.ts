/** What a situation is, and the words in which situations are written. */

import type { Ports } from '../../../lambdas/ports.ts';
import { putDelta } from '../../../lambdas/producer/put-delta.ts';
import { encodeDelta } from '../../../lambdas/snapshot/delta.ts';
import type { Difference, Run } from './compare.ts';
import type { Definition } from './definitions.ts';
import { type RunRequest, runToItsEnd } from './executions.ts';
import type { Hook, Hooks } from './functions.ts';
import type { Side, Stage } from './stages.ts';

export interface Situation {
  name: string;
  /** Deltas that wait in the inbox, two by default. */
  deltas?: number;
  hooks?: Hooks;
  /** Changes to the compaction machine. */
  edit?: (definition: Definition) => void;
  /** By default one compaction of the collection. */
  play?: (stage: Stage) => Promise<Run>;
  path: string;
  /** Status, or the error of a failed one. */
  ends: string;
  /** Attempts of each visit, by state. */
  attempts?: Readonly<Record<string, readonly number[]>>;
  differs?: Explained;
}

/** The two do not agree, and AWS's own documents say who is right. */
export interface Explained {
  /** Exactly this is what they disagree about: when it is no longer, the explanation has to go. */
  in: readonly Difference['what'][];
  why: string;
  /** Page of AWS's documentation. */
  source: string;
  /** Where its way or its end is another: what moto does. */
  moto?: { path: string; ends: string };
}

export const PLAN = 'PlanCompaction > Nothing? >';
export const CHECK = `${PLAN} AcquireValidationLock > ValidateCas > ReleaseValidationLock > Delegated? >`;
export const UPLOAD = 'MergeDeltas > Merged? > CheckBase > UploadSnapshot >';
export const SWAP = `${UPLOAD} AcquireSwapLock > SwapPointer >`;
export const FINISH = 'ReleaseSwapLock > SyncEfs > FinishCompaction > More? >';
export const COMMIT = `${CHECK} ${SWAP} ${FINISH}`;
export const RETREAT = 'DiscardUpload > Backoff >';
export const GIVE_UP = 'HandleFailure > Failed';
/** After a failed merge half as many deltas go into one commit: first the one, then the other. */
export const ONE_BY_ONE = `${COMMIT} ${COMMIT} Compacted`;

/** AWS's page on errors. */
export const ERRORS = 'https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html';

export const OTHER = 'arn:aws:states:us-east-1:000000000000:execution:compaction:other';

/** An error as Lambda reports it: what the states language sees is its name. */
export function named(name: string, message = 'by the situation: "quotes", ümlaut, 日本'): Error {
  return Object.assign(new Error(message), { name });
}

/** The first so many calls fail. */
export function fails(error: Error, times = Number.POSITIVE_INFINITY): Hook {
  return async ({ n, real }) => {
    if (n <= times) throw error;
    return real();
  };
}

/** The first so many calls never return. */
export function hangs(times = Number.POSITIVE_INFINITY): Hook {
  return ({ n, real }) => (n <= times ? new Promise(() => {}) : real());
}

/** Call number `which` alone is treated so. */
export function onCall(which: number, hook: Hook): Hook {
  return (call) => (call.n === which ? hook({ ...call, n: 1 }) : call.real());
}

export async function compact(stage: Stage, input = JSON.stringify({ collection: stage.collection })): Promise<Run> {
  return run(stage, { machine: stage.compaction, input });
}

export async function release(stage: Stage, input: string): Promise<Run> {
  const ended = await run(stage, { machine: await stage.release(), input });
  // A successor that it started may be at work beside it.
  return { ...ended, calls: ended.calls.filter(({ fn }) => fn === 'ReleaseAbandoned') };
}

export async function run(stage: Stage, request: RunRequest): Promise<Run> {
  const before = stage.calls.length;
  const ended = await runToItsEnd(stage.client, request);
  return { ...ended, calls: stage.calls.slice(before) };
}

export async function submit(ports: Ports, collection: string, number: number): Promise<void> {
  const record = { id: `r-${number}`, embedding: [number, 0, 1, 0], document: `ünï ${number}` };
  await putDelta(ports, { collection, deltaId: `d-${number}`, body: encodeDelta([{ op: 'upsert', ...record }]) });
}

/** What the situation says of this side. */
export function expectedOf({ path, ends, differs }: Situation, side: Side): { path: string; ends: string } {
  return (side === 'moto' ? differs?.moto : undefined) ?? { path, ends };
}
