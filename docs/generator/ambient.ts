/** Environment variables outside the schema of a compactor: read by its tools, or by the libraries that it uses. */
import { z } from 'zod';

/** A test compares it with what the sources read. */
export const ambient = z.object({
  COMPACTOR_DATA: z
    .string()
    .default('.compactor')
    .describe('Data directory of the local stack, for `compactor` and `npm run local`; as `--data`.'),
  COMPACTOR_ENDPOINT_PORT: z.coerce
    .number()
    .default(8_000)
    .describe("Port of Chroma's API beside the local stack: `npm run local`. `--endpoint-port` overrides it."),
  COMPACTOR_ENDPOINT_TOKEN: z
    .string()
    .optional()
    .describe('Token that `compactor serve` asks clients for, unless `--token-file` names one.'),
  COMPACTOR_PORT: z.coerce
    .number()
    .int()
    .min(0)
    .max(65_535)
    .default(4_599)
    .describe('Port of `npm run local`, as `--port`. DynamoDB and S3 have the two ports below it; 0 takes free ones.'),
  CHROMA_BIN: z
    .string()
    .optional()
    .describe(
      'Path of the Chroma server to run. Without it, the one that npm brought is used, or where that does not run, one in an active virtual environment or on `PATH`.',
    ),
  VIRTUAL_ENV: z
    .string()
    .optional()
    .describe('Active virtual environment of Python, in which a Chroma server is looked for; set by its `activate`.'),
  NODE_COMPILE_CACHE: z
    .string()
    .optional()
    .describe(
      'Folder in which node keeps what it has compiled for `compactor`, instead of the one below `XDG_CACHE_HOME`.',
    ),
  XDG_CACHE_HOME: z
    .string()
    .default('~/.cache')
    .describe('Where `compactor` keeps what node has compiled: in `chroma-compactor/compiled`, which may be deleted.'),
  POWERTOOLS_SERVICE_NAME: z
    .string()
    .default('chroma-compactor')
    .describe('`service` of log lines and metrics. A deployed stack sets it to its own name.'),
  AWS_REGION: z.string().optional().describe('Region of the bucket, the table and the state machine, on AWS.'),
  AWS_ENDPOINT_URL_S3: z.string().url().optional().describe('Another S3 endpoint than the one of AWS.'),
});
