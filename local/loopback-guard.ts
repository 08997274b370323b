/**
 * Keeps web pages away from the servers on this machine. Loopback does not protect against a browser: any page may send
 * requests to 127.0.0.1 and, with a name of its own that resolves to it (DNS rebinding), read the answers, too.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { type AddressInfo, BlockList, isIP } from 'node:net';

const LOOPBACK_NAMES = ['127.0.0.1', 'localhost', '[::1]'];
const LOOPBACK_ADDRESSES = new BlockList();
LOOPBACK_ADDRESSES.addSubnet('127.0.0.0', 8);
LOOPBACK_ADDRESSES.addAddress('::1', 'ipv6');

/** Does this address lead to this machine alone? */
export function isLoopback(address: string): boolean {
  const version = isIP(address);
  return version !== 0 && LOOPBACK_ADDRESSES.check(address, version === 4 ? 'ipv4' : 'ipv6');
}

/**
 * Refuse requests of pages that this server did not serve before any other listener for `request` sees them: with 403,
 * as `AccessDeniedException` of AWS's JSON protocols. Call this once all listeners are registered.
 */
export function refuseForeignPages(server: Server): void {
  const listeners = server.listeners('request') as Array<(request: IncomingMessage, response: ServerResponse) => void>;
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const refusal = refusalOf(request, server);
    if (refusal !== undefined) refuse(request, response, refusal);
    else for (const listener of listeners) listener.call(server, request, response);
  });
}

/** Why a request is refused; `undefined` if it is not. */
function refusalOf({ headers }: IncomingMessage, server: Server): string | undefined {
  const host = withoutPort(headers.host ?? '');
  if (!LOOPBACK_NAMES.includes(host) && !isLoopback(host)) return 'The Host header must be a loopback name.';
  const { origin } = headers;
  if (origin === undefined) return undefined;
  const { port } = server.address() as AddressInfo;
  const isOwn = [...LOOPBACK_NAMES, host].some((name) => origin?.toLowerCase() === `http://${name}:${port}`);
  return isOwn ? undefined : 'Requests from pages of another origin are refused here.';
}

function withoutPort(host: string): string {
  return host.replace(/:\d+$/, '').toLowerCase();
}

function refuse(request: IncomingMessage, response: ServerResponse, message: string): void {
  const body = JSON.stringify({ __type: 'AccessDeniedException', message });
  response.writeHead(403, {
    'content-type': 'application/x-amz-json-1.0',
    'content-length': Buffer.byteLength(body),
    'x-amzn-errortype': 'AccessDeniedException',
    // The rest of the request is not read, so the connection cannot be used again.
    connection: 'close',
  });
  request.resume();
  response.end(body);
}
