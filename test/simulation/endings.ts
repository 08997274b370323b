/** What the end of an execution may say of itself. */
import type { CompactionState } from '../../statemachine/contract.ts';
import type { Oracle } from './oracle.ts';
import type { Execution } from './step-functions.ts';

/** No fault of the world leads to these. */
const NEVER = [
  'KeyCollisionError',
  'InvariantViolatedError',
  'StatusConflictError',
  'States.Runtime',
  'States.NoChoiceMatched',
];

export function endingFaults(
  oracle: Oracle,
  { collection, arn, name, status, at }: Execution,
  output: CompactionState | undefined,
  error: string | undefined,
  cause = '',
): string[] {
  if (oracle.unreached.isTaken(collection)) return [];
  const truth = oracle.truth(collection);
  if (status === 'SUCCEEDED' && at.state === 'Compacted') {
    const { version, commitId } = output?.committed ?? { version: -1, commitId: 'nothing' };
    const found = truth.versions.get(version);
    const isOwn = found?.manifest.commitId === commitId && found.execution === arn;
    return isOwn ? [] : [`${name} reports Compacted with ${commitId}, which is no commit of its own`];
  }
  if (error !== undefined && NEVER.includes(error)) return [`${name} failed with ${error}: ${messageOf(cause)}`];
  if (error !== 'CorruptObjectError') return [];
  // What was planned for may have been collected meanwhile; what is retained may not.
  const key = /"((?:manifests|packs)\/[^"]+)"/.exec(messageOf(cause))?.[1];
  const isRetained = key === undefined || truth.reachable().has(key);
  return isRetained ? [`${name} found a retained object damaged or missing: ${messageOf(cause)}`] : [];
}

function messageOf(cause: string): string {
  try {
    return (JSON.parse(cause) as { errorMessage?: string }).errorMessage ?? cause;
  } catch {
    return cause;
  }
}
