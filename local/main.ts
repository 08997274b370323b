/** `npm run local`: runs the embedded stack until Ctrl-C, with the servers that clients of AWS's APIs connect to. */
import { CompactorError } from '../lambdas/errors/errors.ts';
import { writeAwsEnvironment } from './aws-environment.ts';
import { startEndpoint } from './endpoint.ts';
import { startS3 } from './s3/server.ts';
import { script } from './script.ts';
import { startStack } from './stack.ts';

interface Options {
  data: string;
  port: string;
  endpointPort: string;
  manual?: boolean;
}

/** How this was started determines how commands are run. */
const isInCheckout = process.env.npm_lifecycle_event === 'local';
const command = isInCheckout ? 'npm run cli --' : 'compactor';
const own = isInCheckout ? 'npm run local --' : 'compactor-local';

const { env } = process;
const values = script(own, 'Runs the local stack until Ctrl-C, with its console and its endpoint.', [
  `${own} --data ./stack`,
])
  .option('--data <dir>', 'data directory of the stack', env.COMPACTOR_DATA ?? '.compactor')
  .option(
    '--port <port>',
    'console and Step Functions; DynamoDB and S3 are on the two below',
    env.COMPACTOR_PORT ?? '4599',
  )
  .option('--endpoint-port <port>', "Chroma's API", env.COMPACTOR_ENDPOINT_PORT ?? '8000')
  .option('--manual', 'no triggers and no endpoint: executions are started by hand')
  .parse()
  .opts<Options>();

try {
  const isManual = values.manual ?? false;
  const port = Number(values.port);
  const stack = await startStack({
    dataDirectory: values.data,
    port,
    tablePort: beside(port, 1),
    env,
    ...(isManual ? {} : { triggers: {} }),
  });
  const { sfnEndpoint, tableEndpoint, storeUrl, stateMachineArn, tableName } = stack.file;
  // Objects that are stored elsewhere already have an address.
  const s3 = storeUrl.startsWith('file:')
    ? await startS3({ store: stack.ports.store, dataDirectory: values.data, port: beside(port, 2) }).catch(
        async (error: unknown) => {
          // Servers that already listen would keep the process alive.
          await stack.close();
          throw error;
        },
      )
    : undefined;
  // Without an engine the console works, but executions would retry for minutes.
  await stack.ports.engine.identify().catch((error: Error) => process.stderr.write(`Warning: ${error.message}\n`));
  const endpoint = isManual ? undefined : await startEndpoint(stack.ports, Number(values.endpointPort));
  const environment = await writeAwsEnvironment(values.data, {
    s3Endpoint: s3?.endpoint,
    storeUrl,
    tableEndpoint,
    tableName,
    sfnEndpoint,
    stateMachineArn,
  });
  const chroma =
    endpoint === undefined ? '' : `  Chroma's API    ${endpoint.url ?? `not served: ${endpoint.reason}`}\n`;
  const close = async () => {
    await endpoint?.close();
    await s3?.close();
    await stack.close();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close());
  process.stdout.write(
    `The local stack runs; stop it with Ctrl-C.\n  Console         ${sfnEndpoint}\n${chroma}  Step Functions  ${sfnEndpoint}\n  DynamoDB        ${tableEndpoint}\n` +
      `${s3 === undefined ? '' : `  S3              ${s3.endpoint}\n`}  objects         ${storeUrl}\n  state machine   ${stateMachineArn}\n` +
      `${isManual ? '' : 'An arriving delta starts a compaction within 5 s.\n'}AWS's SDKs and CLI work on it after: source ${environment}\nIn another terminal: ${command} status <collection>\n`,
  );
} catch (error) {
  if (!(error instanceof CompactorError)) throw error;
  process.stderr.write(`${error.name}: ${error.message}\n`);
  process.exitCode = 2;
}

/** Other ports count down from the first one, so that one option moves them all; if it is 0, all are free ones. */
function beside(port: number, distance: number): number {
  return port === 0 ? 0 : port - distance;
}
