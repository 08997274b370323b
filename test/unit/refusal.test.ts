/** What Chroma 1.0.0 and 1.4.4 say of data that they refuse, and what its producer gets to read. */
import { expect, it } from 'vitest';
import { explainRefusal } from '../../lambdas/adapters/chroma/refusal.ts';

it.each([
  [
    'Failed to deserialize the JSON body into the target type: metadatas[0].tags: data did not match any variant of untagged enum UpdateMetadataValue at line 1 column 62',
    'the value of "metadata.tags" is of a kind that this version does not store',
  ],
  [
    'Validation error: metadatas: Invalid metadata at index 0',
    'a key or a value of its metadata is not allowed by this version',
  ],
  [
    'Failed to parse the request body as JSON: metadatas[0].v: number out of range at line 1 column 59',
    'metadata.v: number out of range',
  ],
  ['Empty ID, ID must have at least one character', 'Empty ID, ID must have at least one character'],
  [
    'Bad request to http://127.0.0.1:41234/api/v2/tenants/default_tenant with status 400',
    'Bad request to Chroma with status 400',
  ],
  [
    'Unimplemented: Sparse vector is not supported for local chroma: v',
    'Unimplemented: Sparse vector is not supported for local chroma: v',
  ],
])('%s', (said, told) => {
  expect(explainRefusal(said)).toBe(told);
});
