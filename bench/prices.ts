/**
 * What AWS charges, in one place: docs/cost.md shows this table (a test holds them together), and the benchmarks count
 * dollars with it. List prices of us-east-1 without free tiers and volume discounts.
 */

export interface Price {
  /** The service, and what of it is paid for. */
  readonly name: string;
  /** US dollars for `per` of `unit`. */
  readonly usd: number;
  readonly per: number;
  /** What is counted, in the plural. */
  readonly unit: string;
  /** Page that states it. AWS's own price pages fill their tables by script; most of these are other people's. */
  readonly source: string;
  /** Month of that page, `YYYY-MM`, or `undated`. */
  readonly date: string;
}

/** Day on which this is the best that was found: `YYYY-MM-DD`. */
export const PRICES_AS_OF = '2026-11-24';

const LAMBDA = { source: 'git.mcrn.ar/mariano/lambda_local_runner', date: '2026-05' } as const;
const EFS = { source: 'factualminds.com', date: '2026-06' } as const;
const TABLE = { source: 'airbyte.com', date: '2025-07' } as const;
const LOGS = { source: 'cloudburn.io', date: '2026-02' } as const;
const STORE = { source: 'list price of many years; no dated page was found', date: 'undated' } as const;

export const PRICES = {
  stateTransitions: {
    name: 'Step Functions Standard: state transitions, retries included',
    usd: 0.025,
    per: 1_000,
    unit: 'transitions',
    source: 'aws.amazon.com/step-functions/pricing; wring.co',
    date: '2026-03',
  },
  lambdaGbSeconds: { name: 'Lambda, arm64: duration', usd: 13.3334, per: 1_000_000, unit: 'GB-seconds', ...LAMBDA },
  lambdaRequests: { name: 'Lambda: requests', usd: 0.2, per: 1_000_000, unit: 'requests', ...LAMBDA },
  storeWrites: { name: 'S3 Standard: PUT, LIST', usd: 0.005, per: 1_000, unit: 'requests', ...STORE },
  storeReads: { name: 'S3 Standard: GET, HEAD', usd: 0.0004, per: 1_000, unit: 'requests', ...STORE },
  storeGbMonths: { name: 'S3 Standard: storage', usd: 0.023, per: 1, unit: 'GB-months', ...STORE },
  tableWrites: { name: 'DynamoDB on demand: writes', usd: 0.625, per: 1_000_000, unit: 'write units', ...TABLE },
  tableReads: { name: 'DynamoDB on demand: reads', usd: 0.125, per: 1_000_000, unit: 'read units', ...TABLE },
  cacheGbWritten: { name: 'EFS Elastic: written', usd: 0.06, per: 1, unit: 'GB', ...EFS },
  cacheGbRead: { name: 'EFS Elastic: read', usd: 0.03, per: 1, unit: 'GB', ...EFS },
  cacheGbMonths: { name: 'EFS Standard: storage', usd: 0.3, per: 1, unit: 'GB-months', ...EFS },
  logGb: { name: 'CloudWatch: logs taken in', usd: 0.5, per: 1, unit: 'GB', ...LOGS },
  metricMonths: { name: 'CloudWatch: custom metrics', usd: 0.3, per: 1, unit: 'metric-months', ...LOGS },
  alarmMetricMonths: { name: 'CloudWatch: metrics in alarms', usd: 0.1, per: 1, unit: 'metric-months', ...LOGS },
  keyMonths: {
    name: 'KMS: keys',
    usd: 1,
    per: 1,
    unit: 'key-months',
    source: 'list price of many years; no dated page was found',
    date: 'undated',
  },
  queueRequests: {
    name: 'SQS standard: requests',
    usd: 0.4,
    per: 1_000_000,
    unit: 'requests',
    source: 'cloudburn.io',
    date: '2026-03',
  },
  events: {
    name: 'EventBridge: custom events',
    usd: 1,
    per: 1_000_000,
    unit: 'events',
    source: 'aws.amazon.com/de/eventbridge/pricing, in its example',
    date: 'undated',
  },
  traces: {
    name: 'X-Ray: traces recorded',
    usd: 5,
    per: 1_000_000,
    unit: 'traces',
    source: 'aws.amazon.com/de/xray/pricing',
    date: 'undated',
  },
} as const satisfies Record<string, Price>;

export type PriceName = keyof typeof PRICES;

/** What was used, in the units of `PRICES`; DELETE and requests within the VPC's gateway endpoints cost nothing. */
export type Usage = Readonly<Partial<Record<PriceName, number>>>;

/** US dollars for what was used. */
export function dollarsOf(usage: Usage): number {
  return Object.entries(usage).reduce((sum, [name, count]) => {
    const { usd, per } = PRICES[name as PriceName];
    return sum + (count * usd) / per;
  }, 0);
}
