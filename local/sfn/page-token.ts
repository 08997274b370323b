import { ApiError } from './errors.ts';

/** A `nextToken`: where a listing continues, valid only for the query (`scope`) that it came from. */
export function encodePageToken(scope: string, after: number): string {
  return Buffer.from(JSON.stringify([scope, after])).toString('base64url');
}

/** @throws ApiError `InvalidToken` */
export function decodePageToken(scope: string, token: string): number {
  try {
    const [tokenScope, after] = JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown[];
    if (tokenScope === scope && typeof after === 'number') return after;
  } catch {
    // Not one of ours: refused below.
  }
  throw new ApiError('InvalidToken', `Invalid Token: '${token}' is not a token of this query. List from the start.`);
}
