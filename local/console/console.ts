/** The console page: its files and its API, as replies to GET requests of the local stack's server. */
import { hash } from 'node:crypto';
import { CompactorError } from '../../lambdas/errors/errors.ts';
import type { Ports } from '../../lambdas/ports.ts';
import { ApiError } from '../sfn/errors.ts';
import type { LocalStepFunctions } from '../sfn/executions.ts';
import { stateMachineArn } from '../sfn/names.ts';
import type { PageReply, PageRequest } from '../sfn/server.ts';
import { answerApi, type Views } from './api.ts';
import { assetAt, CONTENT_SECURITY_POLICY } from './assets.ts';
import { CollectionViews } from './collections.ts';
import { ExecutionViews } from './executions.ts';
import { LaneViews } from './lanes.ts';
import type { LockEventStore } from './lock-events.ts';

export interface ConsoleParts {
  stepFunctions: LocalStepFunctions;
  ports: Ports;
  locks: LockEventStore;
  /** Name of the compaction state machine. */
  machine: string;
  storeUrl: string;
  tableName: string;
}

/**
 * Sent with every reply, so that no page of another origin can frame or embed anything, and no browser guesses a type.
 */
const HEADERS = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cache-control': 'no-cache',
};

/** Errors that mean not found, as opposed to invalid. */
const ABSENT = ['ExecutionDoesNotExist', 'StateMachineDoesNotExist', 'VisitDoesNotExist', 'CollectionNotFoundError'];

/** Answers the GET requests of the page; `undefined` for other paths. */
export function createConsole(parts: ConsoleParts): (request: PageRequest) => Promise<PageReply | undefined> {
  const { stepFunctions, ports, locks, machine, storeUrl, tableName } = parts;
  const executions = new ExecutionViews(stepFunctions);
  const lanes = new LaneViews({ stepFunctions, executions, locks, machine });
  const collections = new CollectionViews(
    ports,
    () => lanes.committers(),
    () => executions.lastErrors(machine),
  );
  const stack = { storeUrl, tableName, machine, machineArn: stateMachineArn(machine) };
  const views: Views = { executions, lanes, collections, stack };
  return async ({ path, etag }) => {
    const url = new URL(path, 'http://console');
    if (!url.pathname.startsWith('/api/')) {
      const asset = assetAt(url.pathname);
      return asset && reply(200, asset.type, asset.body, asset.etag, etag);
    }
    try {
      const answer = await answerApi(views, url);
      return answer === undefined ? undefined : json(200, answer, etag);
    } catch (error) {
      const { status, ...body } = problemOf(error);
      return json(status, body, undefined);
    }
  };
}

function json(status: number, value: unknown, known: string | undefined): PageReply {
  const body = Buffer.from(JSON.stringify(value));
  const etag = `"${hash('sha256', body, 'base64url').slice(0, 22)}"`;
  return reply(status, 'application/json; charset=utf-8', body, etag, known);
}

function reply(status: number, type: string, body: Buffer, etag: string, known: string | undefined): PageReply {
  const headers = { ...HEADERS, etag, 'content-type': type };
  if (status === 200 && known === etag) return { status: 304, headers, body: Buffer.alloc(0) };
  return { status, headers, body };
}

/** The error that the page shows instead of what it requested. */
function problemOf(error: unknown): { status: number; error: string; message: string } {
  if (error instanceof URIError)
    return { status: 400, error: 'InvalidInputError', message: 'The path is not encoded correctly.' };
  const name = error instanceof ApiError ? error.code : error instanceof CompactorError ? error.name : undefined;
  const message = error instanceof Error ? error.message : String(error);
  if (name === undefined) return { status: 500, error: 'InternalFailure', message };
  if (ABSENT.includes(name)) return { status: 404, error: name, message };
  const isOurs = error instanceof ApiError || name === 'InvalidInputError';
  return { status: isOurs ? 400 : 500, error: name, message };
}
