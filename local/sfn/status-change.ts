import { randomUUID } from 'node:crypto';
import type { ExecutionRecord } from './store.ts';

/** The event that EventBridge delivers when an execution has ended, and that rules on `aws.states` receive as input. */
export interface StatusChange {
  version: '0';
  id: string;
  'detail-type': 'Step Functions Execution Status Change';
  source: 'aws.states';
  account: string;
  /** ISO 8601. */
  time: string;
  region: string;
  resources: string[];
  /** Dates in milliseconds since the epoch; input and output are JSON texts. */
  detail: Omit<ExecutionRecord, 'sequence'> & {
    /** In AWS an input or output that is too large for an event is `null`, and not included. Here all are included. */
    inputDetails: { included: boolean };
    outputDetails: { included: boolean } | null;
  };
}

export function statusChange({ sequence: _internal, ...detail }: ExecutionRecord): StatusChange {
  const [, , , region = '', account = ''] = detail.executionArn.split(':');
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': 'Step Functions Execution Status Change',
    source: 'aws.states',
    account,
    time: new Date(detail.stopDate ?? detail.startDate).toISOString(),
    region,
    resources: [detail.executionArn],
    detail: {
      ...detail,
      inputDetails: { included: true },
      outputDetails: detail.output === null ? null : { included: true },
    },
  };
}
