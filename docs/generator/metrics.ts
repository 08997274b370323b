/** docs/reference/metrics.md: from the table of metrics, and from the alarms and the dashboard of the synthesised stack. */
import { METRICS, NAMESPACE } from '../../lambdas/protocol/metrics.ts';
import { code, heading, page, table } from './markdown.ts';

/** What of an alarm in a CloudFormation template is used here. */
interface AlarmProperties {
  AlarmDescription: string;
  Threshold: number;
  EvaluationPeriods: number;
  /** Seconds. */
  Period?: number;
  Namespace?: string;
  MetricName?: string;
  Metrics?: Array<{
    Expression?: string;
    MetricStat?: { Metric: { Namespace: string; MetricName: string }; Period: number };
  }>;
}

/** What of a CloudFormation template is used here. */
export interface Template {
  Resources: Record<string, { Type: string; Properties?: unknown }>;
}

export function metricsPage(template: Template): string {
  const alarms = Object.entries(template.Resources)
    .filter(([, { Type }]) => Type === 'AWS::CloudWatch::Alarm')
    .map(([logicalId, { Properties }]) => ({ name: nameOf(logicalId), ...(Properties as AlarmProperties) }));
  const metrics = Object.values(METRICS).map(({ name, unit, byPhase, byCollection, meaning }) => {
    const dimensions = [...(byCollection ? ['`Collection`'] : []), ...(byPhase ? ['`Phase`'] : [])].join(', ');
    const read = alarms.filter((alarm) => metricsOf(alarm).includes(name)).map(linkTo);
    return [code(name), unit, dimensions, meaning, read.join(', ')];
  });
  return page(
    heading('Metrics and alarms', 'lambdas/protocol/metrics.ts', 'cdk/constructs/alarms.ts'),
    `## Metrics

Namespace \`${NAMESPACE}\`. Every metric is emitted without the dimension \`Collection\` for the whole stack, which is what alarms read, and with it as well, unless it is one of endpoints, which serve any number of collections. Those of the lock also have \`Phase\`, which is \`validation\` or \`swap\`. All have \`service\`, the name of the stack. The local stack writes them to \`telemetry.jsonl\` in its data directory, and \`compactor serve\` a summary of a minute to its log.`,
    table(['metric', 'unit', 'dimensions', 'meaning', 'alarms'], metrics),
    `## Alarms

An alarm notifies the topic whose ARN is the output \`AlarmTopicArn\`. Missing data never raises one, because nothing is reported when nothing happens. The [runbook](../runbook.md) says what each means and what to do.`,
    table(
      ['alarm', 'raised when', 'above', 'periods of', 'reads'],
      alarms.map((alarm) => [
        linkTo(alarm),
        alarm.AlarmDescription.replace(/ See docs\/.*$/, ''),
        String(alarm.Threshold),
        `${alarm.EvaluationPeriods} x ${minutesOf(alarm)} min`,
        [...new Set(metricsOf(alarm))].map(code).join(', '),
      ]),
    ),
  );
}

function metricsOf({ MetricName, Metrics = [] }: AlarmProperties): string[] {
  const inside = Metrics.flatMap(({ MetricStat }) => MetricStat?.Metric.MetricName ?? []);
  return MetricName === undefined ? inside : [MetricName];
}

/** The CDK makes a logical id of path and hash: `Alarms<name><hash>`. */
function nameOf(logicalId: string): string {
  return logicalId.replace(/^Alarms/, '').replace(/[0-9A-F]{8}$/, '');
}

/** The description ends with the place in the runbook: `docs/runbook.md#<alarm>`. */
function linkTo({ name, AlarmDescription }: AlarmProperties & { name: string }): string {
  const place = /docs\/(runbook\.md#\w+)\.$/.exec(AlarmDescription)?.[1];
  if (place === undefined) throw new Error(`Alarm ${name} names no entry of the runbook: ${AlarmDescription}`);
  return `[${name}](../${place})`;
}

function minutesOf({ Period, Metrics = [] }: AlarmProperties): number {
  return (Period ?? Metrics.find(({ MetricStat }) => MetricStat !== undefined)?.MetricStat?.Period ?? 0) / 60;
}
