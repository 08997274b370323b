/** The console's JSON API: GET only, and read-only; the page changes things by the Step Functions API alone. Every name is validated before it is used. */
import { z } from 'zod';
import { describeIssues } from '../../lambdas/errors/describe-issues.ts';
import { InvalidInputError } from '../../lambdas/errors/errors.ts';
import { checkCollection } from '../../lambdas/snapshot/keys.ts';
import { assertName } from '../sfn/names.ts';
import type { CollectionViews } from './collections.ts';
import type { ExecutionViews } from './executions.ts';
import type { LaneViews } from './lanes.ts';

export interface Views {
  executions: ExecutionViews;
  collections: CollectionViews;
  lanes: LaneViews;
  /** What the frame of the page shows about this stack. */
  stack: { storeUrl: string; tableName: string; machine: string; machineArn: string };
}

const STATUSES = ['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'] as const;
const position = z.coerce.number().int().min(0).optional();
const limit = (most: number, usual: number) => z.coerce.number().int().min(1).max(most).default(usual);
const machine = z.string().min(1).max(80).default('compaction');

const listQuery = z.strictObject({
  machine,
  collection: z.string().min(1).max(128).optional(),
  status: z.enum(STATUSES).optional(),
  before: position,
  limit: limit(200, 50),
});
const eventsQuery = z.strictObject({
  machine,
  after: z.coerce.number().int().min(0).default(0),
  limit: limit(1_000, 100),
});
const versionsQuery = z.strictObject({ before: position, limit: limit(200, 25) });
const lanesQuery = z.strictObject({
  collection: z.string(),
  active: z.stringbool().default(false),
  before: position,
  limit: limit(500, 50),
});
const pageQuery = z.strictObject({ limit: limit(200, 25) });
/** For calls without parameters. */
const noQuery = z.strictObject({});
const machineQuery = z.strictObject({ machine });
/** `v` gives each state of the visit an address of its own, so that an older answer is never shown. */
const visitQuery = z.strictObject({ machine, v: z.string().optional() });

type Query = Record<string, string>;
type Route = (views: Views, names: string[], query: Query) => unknown;

const ROUTES: ReadonlyArray<readonly [pattern: RegExp, route: Route]> = [
  [/^\/api\/stack$/, ({ stack }, _names, query) => read(noQuery, query) && stack],
  [
    /^\/api\/machines\/([^/]+)$/,
    ({ executions }, [name = ''], query) => read(noQuery, query) && executions.graph(name),
  ],
  [/^\/api\/executions$/, ({ executions }, _names, query) => executions.list(read(listQuery, query))],
  [
    /^\/api\/executions\/([^/]+)$/,
    ({ executions }, [name = ''], query) => executions.detail(read(machineQuery, query).machine, checked(name)),
  ],
  [
    /^\/api\/executions\/([^/]+)\/events$/,
    ({ executions }, [name = ''], query) => {
      const { machine: of, ...page } = read(eventsQuery, query);
      return executions.eventPage(of, checked(name), page);
    },
  ],
  [
    /^\/api\/executions\/([^/]+)\/visits\/(\d{1,6})$/,
    ({ executions }, [name = '', index], query) =>
      executions.visit(read(visitQuery, query).machine, checked(name), Number(index)),
  ],
  [/^\/api\/collections$/, ({ collections }, _names, query) => read(noQuery, query) && collections.list()],
  [
    /^\/api\/collections\/([^/]+)$/,
    ({ collections }, [name = ''], query) => read(noQuery, query) && collections.detail(checkCollection(name)),
  ],
  [
    /^\/api\/collections\/([^/]+)\/versions$/,
    ({ collections }, [name = ''], query) => collections.versions(checkCollection(name), read(versionsQuery, query)),
  ],
  [
    /^\/api\/collections\/([^/]+)\/rejections$/,
    ({ collections }, [name = ''], query) =>
      collections.rejections(checkCollection(name), read(pageQuery, query).limit),
  ],
  [
    /^\/api\/lock-events$/,
    ({ lanes }, _names, query) => {
      const { collection, ...page } = read(lanesQuery, query);
      return lanes.page({ collection: checkCollection(collection), ...page });
    },
  ],
];

/**
 * Answer one call; `undefined` if there is no such resource.
 * @throws InvalidInputError, ApiError (a parameter is invalid, or names nothing that exists), and the errors of reading
 */
export async function answerApi(views: Views, url: URL): Promise<unknown> {
  for (const [pattern, route] of ROUTES) {
    const match = pattern.exec(url.pathname);
    if (match === null) continue;
    return route(views, match.slice(1).map(decodeURIComponent), Object.fromEntries(url.searchParams));
  }
  return undefined;
}

/** @throws InvalidInputError (a parameter is invalid or unknown) */
function read<Schema extends z.ZodType>(schema: Schema, query: Query): z.infer<Schema> {
  const parsed = schema.safeParse(query);
  if (parsed.success) return parsed.data;
  throw new InvalidInputError(`The parameters are not valid: ${describeIssues(parsed.error, query)}.`);
}

/** @throws ApiError `InvalidName` */
function checked(name: string): string {
  assertName(name);
  return name;
}
