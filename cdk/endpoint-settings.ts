/** The settings of the endpoint in a deployment. */
import { z } from 'zod';
import { flag, NEW_ACCOUNT_MEMORY_MIB, seconds } from './setting-kinds.ts';

/** Its descriptions appear in docs/reference/configuration.md, like those of all settings. */
export const endpointSettings = {
  endpoint: flag
    .default(false)
    .describe("Whether a function with a URL of its own serves Chroma's API. The settings below are for it."),
  endpointAuth: z
    .enum(['token', 'iam'])
    .default('token')
    .describe(
      'Who may call the URL. `token`: whoever sends the token, as clients of Chroma can. `iam`: whoever signs requests and has `lambda:InvokeFunctionUrl`.',
    ),
  endpointReadLevel: z
    .enum(['index_and_wal', 'index_only'])
    .default('index_and_wal')
    .describe('What reads reflect that name no read level themselves.'),
  endpointMemoryMiB: z.coerce
    .number()
    .int()
    .min(512)
    .max(10_240)
    .default(NEW_ACCOUNT_MEMORY_MIB)
    .describe('Memory of the endpoint. It also bounds how many collections a container keeps open.'),
  endpointTmpMiB: z.coerce
    .number()
    .int()
    .min(512)
    .max(10_240)
    .default(4_096)
    .describe('Size of `/tmp` of the endpoint.'),
  endpointTimeoutSeconds: seconds(10, 900)
    .default(120)
    .describe('Timeout of a request. The first one for a collection waits until it is open.'),
  endpointConcurrency: z.coerce
    .number()
    .int()
    .min(1)
    .max(100_000)
    .optional()
    .describe(
      'Requests at a time, each in a container of its own: at most so many, and reserved for it. Without it, as many as the account has left.',
    ),
  endpointMaxBatchSize: z.coerce
    .number()
    .int()
    .min(1)
    .max(5_461)
    .default(250)
    .describe(
      'Records that clients are told to send in one request, at most. A request has 6 MB: 250 records of 24 KB, 3,072 numbers and 8 KB of text.',
    ),
  endpointFailuresAlarm: z.coerce
    .number()
    .int()
    .min(0)
    .max(1_000_000)
    .default(5)
    .describe('Requests answered with 5xx in five minutes that raise no alarm yet: clients try again.'),
} as const;
