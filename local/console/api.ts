/** The console's JSON API: GET only, and read-only. Every name is validated before it is used. */
import { z } from 'zod';
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
  stack: { storeUrl: string; tableName: string; machine: string };
}

const STATUSES = ['RUNNING', 'SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED'] as const;
const position = z.coerce.number().int().min(0).optional();
const limit = (most: number, usual: number) => z.coerce.number().int().min(1).max(most).default(usual);
const machine = z.string().min(1).max(80).default('compaction');

const listQuery = z.object({
  machine,
  collection: z.string().min(1).max(128).optional(),
  status: z.enum(STATUSES).optional(),
  before: position,
  limit: limit(200, 50),
});
const eventsQuery = z.object({ machine, after: z.coerce.number().int().min(0).default(0), limit: limit(1_000, 100) });
const versionsQuery = z.object({ before: position, limit: limit(200, 25) });
const lanesQuery = z.object({
  collection: z.string(),
  active: z.stringbool().default(false),
  before: position,
  limit: limit(500, 50),
});
const pageQuery = z.object({ limit: limit(200, 25) });
const machineQuery = z.object({ machine });

type Query = Record<string, string>;
type Route = (views: Views, names: string[], query: Query) => unknown;

const ROUTES: ReadonlyArray<readonly [pattern: RegExp, route: Route]> = [
  [/^\/api\/stack$/, ({ stack }) => stack],
  [/^\/api\/machines\/([^/]+)$/, ({ executions }, [name = '']) => executions.graph(name)],
  [/^\/api\/executions$/, ({ executions }, _names, query) => executions.list(listQuery.parse(query))],
  [
    /^\/api\/executions\/([^/]+)$/,
    ({ executions }, [name = ''], query) => executions.detail(machineQuery.parse(query).machine, checked(name)),
  ],
  [
    /^\/api\/executions\/([^/]+)\/events$/,
    ({ executions }, [name = ''], query) => {
      const { machine: of, ...page } = eventsQuery.parse(query);
      return executions.eventPage(of, checked(name), page);
    },
  ],
  [
    /^\/api\/executions\/([^/]+)\/visits\/(\d{1,6})$/,
    ({ executions }, [name = '', index], query) =>
      executions.visit(machineQuery.parse(query).machine, checked(name), Number(index)),
  ],
  [/^\/api\/collections$/, ({ collections }) => collections.list()],
  [/^\/api\/collections\/([^/]+)$/, ({ collections }, [name = '']) => collections.detail(checkCollection(name))],
  [
    /^\/api\/collections\/([^/]+)\/versions$/,
    ({ collections }, [name = ''], query) => collections.versions(checkCollection(name), versionsQuery.parse(query)),
  ],
  [
    /^\/api\/collections\/([^/]+)\/rejections$/,
    ({ collections }, [name = ''], query) =>
      collections.rejections(checkCollection(name), pageQuery.parse(query).limit),
  ],
  [
    /^\/api\/lock-events$/,
    ({ lanes }, _names, query) => {
      const { collection, ...page } = lanesQuery.parse(query);
      return lanes.page({ collection: checkCollection(collection), ...page });
    },
  ],
];

/**
 * Answer one call; `undefined` if there is no such resource.
 * @throws ZodError, InvalidInputError, ApiError (a parameter is invalid, or names nothing that exists), and the errors
 * of reading
 */
export async function answerApi(views: Views, url: URL): Promise<unknown> {
  for (const [pattern, route] of ROUTES) {
    const match = pattern.exec(url.pathname);
    if (match === null) continue;
    return route(views, match.slice(1).map(decodeURIComponent), Object.fromEntries(url.searchParams));
  }
  return undefined;
}

/** @throws ApiError `InvalidName` */
function checked(name: string): string {
  assertName(name);
  return name;
}
