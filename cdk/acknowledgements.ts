/** Findings of cdk-nag that stay, each with its reason beside the construct that it is about. */
import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** @param reason Why the finding does no harm here: a whole sentence. */
export function explain(construct: IConstruct, finding: string, reason: string): void {
  Validations.of(construct).acknowledge({ id: finding, reason });
}
