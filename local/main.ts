/** `npm run local`: the embedded stack until Ctrl-C. */
import { parseArgs } from 'node:util';
import { CompactorError } from '../lambdas/protocol/errors.ts';
import { startStack } from './stack.ts';

const { values } = parseArgs({
  options: {
    data: { type: 'string', default: process.env.COMPACTOR_DATA ?? '.compactor' },
    port: { type: 'string', default: process.env.COMPACTOR_PORT ?? '4599' },
  },
});

try {
  const stack = await startStack({ dataDirectory: values.data, port: Number(values.port), env: process.env });
  const { sfnEndpoint, tableEndpoint, storeUrl, stateMachineArn } = stack.file;
  process.stdout.write(
    `The local stack runs; stop it with Ctrl-C.\n  Console         ${sfnEndpoint}\n  Step Functions  ${sfnEndpoint}\n  DynamoDB        ${tableEndpoint}\n` +
      `  objects         ${storeUrl}\n  state machine   ${stateMachineArn}\nIn another terminal: npm run cli -- status <collection>\n`,
  );
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stack.close());
} catch (error) {
  if (!(error instanceof CompactorError)) throw error;
  process.stderr.write(`${error.name}: ${error.message}\n`);
  process.exitCode = 2;
}
