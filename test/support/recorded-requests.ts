/** What AWS clients ask for: the inputs of their commands, as the adapters made them. */

export interface RecordedRequest {
  /** Of the command, without `Command`. */
  name: string;
  input: Record<string, unknown>;
}

/** The part of any client of the SDK that is needed. */
interface Recordable {
  middlewareStack: {
    add(
      // biome-ignore lint/suspicious/noExplicitAny: each client has its own types of commands.
      middleware: (next: (args: any) => Promise<any>, context: { commandName?: string }) => (args: any) => Promise<any>,
      options: { step: 'initialize'; name: string },
    ): void;
  };
}

/** Requests from now on, in the order in which they are sent. */
export function recordRequests(client: Recordable): RecordedRequest[] {
  const requests: RecordedRequest[] = [];
  client.middlewareStack.add(
    (next, { commandName = '' }) =>
      (args: { input: Record<string, unknown> }) => {
        requests.push({ name: commandName.replace(/Command$/, ''), input: args.input });
        return next(args);
      },
    { step: 'initialize', name: 'recordRequests' },
  );
  return requests;
}
