/** Acknowledges findings of cdk-nag, each with its reason, beside the construct that it concerns. */
import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** @param reason Why the finding is harmless here: a whole sentence. */
export function explain(construct: IConstruct, finding: string, reason: string): void {
  Validations.of(construct).acknowledge({ id: finding, reason });
}
