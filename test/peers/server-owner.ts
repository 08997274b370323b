/** Starts a server, prints its process id, and waits to be killed. usage: node server-owner.ts COMMAND ARGUMENTS */
import { startServer } from './servers.ts';

const [command = '', ...args] = process.argv.slice(2);
// The last argument is the port.
const { pid } = await startServer({ name: command, command: (port) => [command, ...args.slice(0, -1), String(port)] });
process.stdout.write(`${pid}\n`);
setInterval(() => {}, 60_000);
