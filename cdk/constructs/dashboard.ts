/** The first place to look: how long the lock is held, by phase, who waits for it, and what gets through. */
import { AlarmStatusWidget, Dashboard, GraphWidget, type IMetric, MathExpression } from 'aws-cdk-lib/aws-cloudwatch';
import { Construct } from 'constructs';
import type { DeploymentConfig } from '../settings.ts';
import type { Alarms } from './alarms.ts';
import { type MetricName, PERIOD, perCollection, stackMetric } from './metrics.ts';

const PHASES = ['validation', 'swap'] as const;
const HALF = { width: 12, height: 6 };

export class CompactorDashboard extends Construct {
  constructor(scope: Construct, id: string, { config, alarms }: { config: DeploymentConfig; alarms: Alarms }) {
    super(scope, id);
    const { stackName } = config;
    const byPhase = (name: MetricName, statistic: string): IMetric[] =>
      PHASES.map((phase) => stackMetric(stackName, name, statistic, { phase, label: `${phase} ${statistic}` }));
    const line = (name: MetricName, statistic: string, label: string) =>
      stackMetric(stackName, name, statistic, { label });
    const graph = (title: string, ...left: IMetric[]) => new GraphWidget({ ...HALF, title, left });
    const collections = (title: string, name: MetricName, statistic: string) =>
      graph(
        title,
        new MathExpression({ expression: perCollection(stackName, name, statistic), label: '', period: PERIOD }),
      );
    new Dashboard(this, 'Dashboard', {
      dashboardName: stackName,
      widgets: [
        [new AlarmStatusWidget({ width: 24, height: 3, title: 'Alarms', alarms: alarms.all })],
        [
          graph('Lock held, ms', ...byPhase('lockDuration', 'Average'), ...byPhase('lockDuration', 'Maximum')),
          graph('Lock waited for, ms', ...byPhase('lockWait', 'Average'), ...byPhase('lockWait', 'Maximum')),
        ],
        [
          graph('Lock attempts and collisions', ...byPhase('lockAttempt', 'Sum'), ...byPhase('lockCollision', 'Sum')),
          graph(
            'Claim held, ms',
            line('claimDuration', 'Average', 'average'),
            line('claimDuration', 'Maximum', 'maximum'),
          ),
        ],
        [
          graph(
            'Work that others took over or that was done again',
            line('delegated', 'Sum', 'delegated'),
            line('rebase', 'Sum', 'rebases'),
            line('backoffAttempts', 'Sum', 'merges tried again'),
          ),
          graph('Compaction, ms', line('duration', 'Average', 'average'), line('duration', 'Maximum', 'maximum')),
        ],
        [
          graph(
            'Deltas',
            line('deltasApplied', 'Sum', 'applied'),
            line('operationsRejected', 'Sum', 'operations rejected'),
            line('unreadableDelta', 'Sum', 'unreadable'),
            line('setAside', 'Sum', 'set aside'),
          ),
          collections('Oldest waiting delta, s', 'pendingDeltaAge', 'Maximum'),
        ],
        [
          graph(
            'Endpoints: requests about records',
            line('endpointRequest', 'Sum', 'all'),
            line('endpointRefusal', 'Sum', 'refused'),
            line('endpointFailure', 'Sum', 'failed'),
            line('endpointDeltasApplied', 'Sum', 'their writes, applied'),
          ),
          graph(
            'Endpoints: until what is new is seen, ms',
            line('endpointVisibleAfter', 'p50', 'p50'),
            line('endpointVisibleAfter', 'Maximum', 'maximum'),
            line('endpointColdOpen', 'Maximum', 'cold open'),
          ),
        ],
        [
          graph(
            'Bytes',
            line('bytesUploaded', 'Sum', 'uploaded'),
            line('cacheBytes', 'Sum', 'cached'),
            line('garbageBytes', 'Sum', 'collected as garbage'),
          ),
          collections('Records', 'recordCount', 'Maximum'),
        ],
      ],
    });
  }
}
