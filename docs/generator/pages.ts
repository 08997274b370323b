/** The pages of docs/reference/ that take no running stack: their texts by file name. */
import { configurationPage } from './configuration.ts';
import { errorsPage } from './errors.ts';
import { metricsPage, type Template } from './metrics.ts';

/** @param template The CloudFormation template of a stack with default settings, and an endpoint. */
export function referencePages(template: Template): Record<string, string> {
  return {
    'configuration.md': configurationPage(),
    'metrics.md': metricsPage(template),
    'errors.md': errorsPage(),
  };
}
