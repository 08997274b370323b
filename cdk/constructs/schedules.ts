/** Schedules: the sweep, which starts what a lost notification did not, and garbage collection. */
import { Duration } from 'aws-cdk-lib';
import { Rule, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets';
import { Construct } from 'constructs';
import type { DeploymentConfig } from '../settings.ts';
import type { Functions } from './functions.ts';

export class Schedules extends Construct {
  constructor(scope: Construct, id: string, { config, functions }: { config: DeploymentConfig; functions: Functions }) {
    super(scope, id);
    const { Sweep, CollectGarbage } = functions.byVerb;
    new Rule(this, 'Sweep', {
      description: 'Starts an execution for every collection with deltas or leftovers waiting',
      schedule: Schedule.rate(Duration.minutes(config.sweepMinutes)),
      targets: [new LambdaFunction(Sweep, { retryAttempts: 0 })],
    });
    new Rule(this, 'CollectGarbage', {
      description: 'Deletes what no retained version needs',
      schedule: Schedule.rate(Duration.hours(config.garbageHours)),
      targets: [new LambdaFunction(CollectGarbage, { retryAttempts: 2 })],
    });
  }
}
