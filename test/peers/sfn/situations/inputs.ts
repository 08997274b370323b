/** What an execution is started with, when it is not {"collection": "<name>"}. */
import { compact, type Situation } from '../situation.ts';

const INVALID = [
  '{}',
  '{"collection":5}',
  '{"collection":"BAD NAME/.."}',
  '{"collection":null,"x":{"y":[1,2]}}',
  '[]',
  '[{"collection":"x"}]',
  '"text"',
  '7',
  'true',
  '""',
  '0',
  'false',
  'null',
];

const REFUSED = { path: 'PlanCompaction > InvalidInput', ends: 'InvalidInputError' };

export const INPUTS: Situation[] = INVALID.map((input) => ({
  name: `the input ${input}`,
  play: (stage) => compact(stage, input),
  ...REFUSED,
}));
