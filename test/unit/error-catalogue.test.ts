/** The catalogues against the errors, the ASL files, and the limits that their sentences mention. Names are held by types. */
import { expect, it } from 'vitest';
import { AWS_ERROR_CATALOGUE } from '../../lambdas/errors/aws-error-catalogue.ts';
import { ERROR_CATALOGUE } from '../../lambdas/errors/error-catalogue.ts';
import * as errors from '../../lambdas/errors/errors.ts';
import { REJECTION } from '../../lambdas/snapshot/operation.ts';
import { REJECTION_CATALOGUE } from '../../lambdas/snapshot/rejection-catalogue.ts';
import { COMPACTION, RELEASE_ABANDONED, readDefinition } from '../../local/machines.ts';
import { MAX_LOCK_LOSSES, MAX_MERGE_FAILURES, MAX_REBASES } from '../../statemachine/contract.ts';

it('has an entry for every error class and for nothing else', () => {
  const names = Object.values(errors).flatMap((value) => (typeof value === 'function' ? [value.name] : []));
  expect(Object.keys(ERROR_CATALOGUE).sort()).toEqual(names.filter((name) => name !== 'CompactorError').sort());
  expect(Object.keys(REJECTION_CATALOGUE).sort()).toEqual(Object.values(REJECTION).sort());
});

it('knows every name that the state machines match', () => {
  const matched = [COMPACTION, RELEASE_ABANDONED].flatMap((name) => {
    const { States } = JSON.parse(readDefinition(name)) as { States: Record<string, object> };
    return JSON.stringify(States).match(/"ErrorEquals":\[[^\]]*\]/g) ?? [];
  });
  const named = new Set(matched.flatMap((rule) => (JSON.parse(`{${rule}}`) as { ErrorEquals: string[] }).ErrorEquals));
  const known = { ...ERROR_CATALOGUE, ...AWS_ERROR_CATALOGUE };
  expect([...named].filter((name) => !Object.hasOwn(known, name))).toEqual([]);
  expect(Object.keys(AWS_ERROR_CATALOGUE).filter((name) => !named.has(name))).toEqual([]);
});

it.each(Object.entries({ ...ERROR_CATALOGUE, ...AWS_ERROR_CATALOGUE, ...REJECTION_CATALOGUE }))(
  '%s is explained in sentences',
  (_, { cause, remedy }) => {
    for (const text of [cause, remedy]) expect(text).toMatch(/^[A-Z`].*[.]$/s);
  },
);

it('gives the limits that the code has', () => {
  expect(ERROR_CATALOGUE.RebaseLimitError.cause).toContain(` ${MAX_REBASES} times`);
  expect(ERROR_CATALOGUE.MergeLimitError.cause).toContain(` ${MAX_MERGE_FAILURES + 1} times`);
  expect(ERROR_CATALOGUE.LockLostError.remedy).toContain('five losses');
  expect(MAX_LOCK_LOSSES).toBe(5);
});
