/** Finds the lines that an engine refuses, after it refused a merge's data: by halving, within deltas. */

import { EngineRejectedDataError, type RefusedLine } from '../errors/errors.ts';
import type { ReadDelta } from '../inbox/read-deltas.ts';
import type { EngineRecord, EngineSession } from '../ports.ts';
import type { NumberedOperation } from '../snapshot/operation.ts';

/** How often a line must be refused when sent alone before it is blamed. */
const REFUSALS_TO_BLAME = 3;

interface Line {
  deltaId: string;
  operation: NumberedOperation;
}

/**
 * @param session On a directory that is discarded afterwards, since the lines that are not refused are written, in any
 * order.
 * @throws EngineUnavailableError
 */
export async function findRefused(session: EngineSession, deltas: readonly ReadDelta[]): Promise<RefusedLine[]> {
  const lines = deltas.flatMap(({ deltaId, operations }) => operations.map((operation) => ({ deltaId, operation })));
  const upserts = lines.filter(({ operation }) => operation.op === 'upsert');
  const updates = lines.filter(({ operation }) => operation.op === 'update');
  return [
    ...(await halve((records) => session.upsert(records), upserts)),
    ...(await halve((records) => session.update(records), updates)),
    ...(await blameRequests(session, deltas)),
  ];
}

/**
 * The same error with the lines to blame. Its directory is discarded in any case, so they can be searched for in it.
 */
export async function withRefused(
  error: EngineRejectedDataError,
  session: EngineSession,
  deltas: readonly ReadDelta[],
): Promise<EngineRejectedDataError> {
  const refused = await findRefused(session, deltas);
  return new EngineRejectedDataError(error.message, { cause: error, reason: error.reason, refused });
}

type Send = (records: readonly EngineRecord[]) => Promise<void>;

async function halve(send: Send, lines: readonly Line[]): Promise<RefusedLine[]> {
  const [only, ...others] = lines;
  if (only === undefined) return [];
  if (others.length === 0) return blame(send, only);
  if ((await refusal(() => send(apart(lines)))) === undefined) return [];
  const middle = lines.length >> 1;
  return [...(await halve(send, lines.slice(0, middle))), ...(await halve(send, lines.slice(middle)))];
}

async function blame(send: Send, { deltaId, operation }: Line): Promise<RefusedLine[]> {
  const reason = await lastingRefusal(() => send([toRecord(operation)]));
  return reason === undefined ? [] : [{ deltaId, line: operation.line, id: operation.id, reason }];
}

/** Requests are tried one by one: a request is a unit, and cannot be combined with another one. */
async function blameRequests(session: EngineSession, deltas: readonly ReadDelta[]): Promise<RefusedLine[]> {
  const blamed: RefusedLine[] = [];
  for (const { deltaId, requests = [] } of deltas) {
    for (const { op, body, ids, line } of requests) {
      if (ids.length === 0) continue;
      const reason = await lastingRefusal(() => session.replay({ op, body }));
      if (reason !== undefined) blamed.push({ deltaId, line, id: ids[0] ?? '', reason });
    }
  }
  return blamed;
}

/** The last reason, if it is refused every time; otherwise `undefined`. */
async function lastingRefusal(send: () => Promise<void>): Promise<string | undefined> {
  let reason: string | undefined;
  for (let refusals = 0; refusals < REFUSALS_TO_BLAME; refusals++) {
    const refused = await refusal(send);
    if (refused === undefined) return undefined;
    reason = refused.reason;
  }
  return reason;
}

async function refusal(send: () => Promise<void>): Promise<EngineRejectedDataError | undefined> {
  try {
    await send();
    return undefined;
  } catch (error) {
    if (error instanceof EngineRejectedDataError) return error;
    throw error;
  }
}

/**
 * Gives repeated ids a suffix, since no id may occur twice in one request; whether data is refused rarely depends on
 * its id.
 */
function apart(lines: readonly Line[]): EngineRecord[] {
  const seen = new Map<string, number>();
  return lines.map(({ operation }) => {
    const before = seen.get(operation.id) ?? 0;
    seen.set(operation.id, before + 1);
    const record = toRecord(operation);
    return before === 0 ? record : { ...record, id: `${record.id} (${before})` };
  });
}

function toRecord({ line: _line, op: _op, ...record }: NumberedOperation): EngineRecord {
  return record;
}
