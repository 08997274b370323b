/** Configuration of the endpoint's function, in addition to that of every Lambda. */
import { z } from 'zod';
import { ConfigurationError } from '../errors/errors.ts';
import { READ_LEVELS, type ReadLevel } from '../serving/looks.ts';

/** `npm run docs` writes its descriptions to docs/reference/configuration.md. */
export const endpointEnvironment = z.object({
  ENDPOINT_TOKEN_SECRET: z
    .string()
    .min(1)
    .optional()
    .describe('Name or ARN of the secret that holds the token. Unset: nobody is asked for one.'),
  ENDPOINT_READ_LEVEL: z
    .enum(READ_LEVELS)
    .default('index_and_wal')
    .describe('What reads reflect that name no read level themselves.'),
  ENDPOINT_MAX_SERVERS: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(1)
    .describe('Collections that are open at a time, each with a Chroma server of its own: memory bounds them.'),
  ENDPOINT_MAX_BATCH_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(5_461)
    .default(250)
    .describe('Records that clients are told to send in one request, at most: Lambda takes 6 MB.'),
});

export interface EndpointConfig {
  tokenSecret: string | undefined;
  readLevel: ReadLevel;
  maxServers: number;
  maxBatchSize: number;
}

/** @throws ConfigurationError (impossible values, all of them named) */
export function parseEndpointConfig(env: Record<string, string | undefined>): EndpointConfig {
  const parsed = endpointEnvironment.safeParse(env);
  if (!parsed.success) {
    throw new ConfigurationError(`The environment does not configure an endpoint:\n${z.prettifyError(parsed.error)}`);
  }
  const values = parsed.data;
  return {
    tokenSecret: values.ENDPOINT_TOKEN_SECRET,
    readLevel: values.ENDPOINT_READ_LEVEL,
    maxServers: values.ENDPOINT_MAX_SERVERS,
    maxBatchSize: values.ENDPOINT_MAX_BATCH_SIZE,
  };
}
