/** What a CDK app uses: the construct, its props, and the policy for a bucket that the construct does not make. */
export { Compactor, type CompactorEndpoint, type CompactorProps } from './compactor.ts';
export { storePolicy } from './constructs/storage.ts';
export type { CompactorSettings } from './parse-settings.ts';
export type { Verb } from './verbs.ts';
