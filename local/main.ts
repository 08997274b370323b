/** `npm run local`: runs the embedded stack until Ctrl-C. */
import { parseArgs } from 'node:util';
import { CompactorError } from '../lambdas/errors/errors.ts';
import { startEndpoint } from './endpoint.ts';
import { startStack } from './stack.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: process.env.COMPACTOR_DATA ?? '.compactor' },
    port: { type: 'string', default: process.env.COMPACTOR_PORT ?? '4599' },
    'endpoint-port': { type: 'string', default: process.env.COMPACTOR_ENDPOINT_PORT ?? '8000' },
    // No triggers and no endpoint: executions are started by hand.
    manual: { type: 'boolean', default: false },
  },
});

/** How this was started determines how the other command is run. */
const command = process.env.npm_lifecycle_event === 'local' ? 'npm run cli --' : 'compactor';

try {
  const isManual = values.manual;
  const stack = await startStack({
    dataDirectory: values.data,
    port: Number(values.port),
    env: process.env,
    ...(isManual ? {} : { triggers: {} }),
  });
  // Without an engine the console works, but executions would retry for minutes.
  await stack.ports.engine.identify().catch((error: Error) => process.stderr.write(`Warning: ${error.message}\n`));
  const endpoint = isManual ? undefined : await startEndpoint(stack.ports, Number(values['endpoint-port']));
  const { sfnEndpoint, tableEndpoint, storeUrl, stateMachineArn } = stack.file;
  const chroma =
    endpoint === undefined ? '' : `  Chroma's API    ${endpoint.url ?? `not served: ${endpoint.reason}`}\n`;
  const close = async () => {
    await endpoint?.close();
    await stack.close();
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void close());
  process.stdout.write(
    `The local stack runs; stop it with Ctrl-C.\n  Console         ${sfnEndpoint}\n${chroma}  Step Functions  ${sfnEndpoint}\n  DynamoDB        ${tableEndpoint}\n` +
      `  objects         ${storeUrl}\n  state machine   ${stateMachineArn}\n` +
      `${isManual ? '' : 'An arriving delta starts a compaction within 5 s.\n'}In another terminal: ${command} status <collection>\n`,
  );
} catch (error) {
  if (!(error instanceof CompactorError)) throw error;
  process.stderr.write(`${error.name}: ${error.message}\n`);
  process.exitCode = 2;
}
