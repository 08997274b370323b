/** One deployed function: its bundle in a process of its own. Invocations as lines on standard input, answers on fd 3. */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

interface Invocation {
  id: number;
  payload: unknown;
}

const { handler } = (await import(process.argv[2] ?? '')) as {
  handler: (payload: unknown, context: object) => Promise<unknown>;
};
for await (const line of createInterface({ input: process.stdin })) {
  const { id, payload } = JSON.parse(line) as Invocation;
  const context = { functionName: 'f', functionVersion: '$LATEST', memoryLimitInMB: '512', awsRequestId: `r-${id}` };
  const answer = (value: object) => writeSync(3, `${JSON.stringify({ id, ...value })}\n`);
  handler(payload, context).then(
    (output) => answer({ Payload: output ?? null }),
    // What the Node.js runtime of Lambda reports of an error.
    ({ name, message, stack = '' }: Error) =>
      answer({
        FunctionError: 'Unhandled',
        Payload: { errorType: name, errorMessage: message, trace: stack.split('\n') },
      }),
  );
}
