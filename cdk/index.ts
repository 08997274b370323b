/** What a CDK app uses: the construct, its props, and what a bucket needs that is not made with it. */
export { Compactor, type CompactorEndpoint, type CompactorProps } from './compactor.ts';
export type { CompactorSettings } from './config.ts';
export { storePolicy } from './constructs/storage.ts';
export type { Verb } from './verbs.ts';
