/** Chroma's own clients against the handler of the function URL, each request one event, with the token as they send it. */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { ChromaClient, ChromaForbiddenError } from 'chromadb';
import { describe, expect, it } from 'vitest';
import { fixedToken } from '../../lambdas/endpoint/token.ts';
import { parseEndpointConfig } from '../../lambdas/runtime/endpoint-config.ts';
import { makeAnswerer } from '../../lambdas/runtime/function-url.ts';
import { withStack } from '../e2e/support.ts';
import { HAS_ENGINE } from './support.ts';
import { urlEvent } from './url-events.ts';

const TOKEN = 'Yf3kq9';
const run = promisify(execFile);

/** What Lambda does in front of a function with a URL. */
function served(test: (port: number) => Promise<void>): Promise<void> {
  return withStack(async ({ ports }) => {
    const answerer = makeAnswerer(ports, { config: parseEndpointConfig({}), token: fixedToken(TOKEN) });
    const server = createServer(async (request, response) => {
      const chunks = await request.toArray();
      const body = chunks.length === 0 ? undefined : Buffer.concat(chunks).toString();
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      const { method = '', url: path = '' } = request;
      const answer = await answerer.answer(urlEvent({ method, path, body, headers }));
      response.writeHead(answer.statusCode, answer.headers).end(answer.body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    try {
      await test((server.address() as AddressInfo).port);
    } finally {
      server.close();
      server.closeAllConnections();
      await answerer.close();
    }
  });
}

const PYTHON = `
import sys, chromadb
from chromadb.config import Settings
from chromadb.errors import ChromaAuthError

def client(token, header):
    settings = Settings(
        chroma_client_auth_provider="chromadb.auth.token_authn.TokenAuthClientProvider",
        chroma_client_auth_credentials=token,
        chroma_auth_token_transport_header=header,
        anonymized_telemetry=False,
    )
    return chromadb.HttpClient(host="127.0.0.1", port=int(sys.argv[1]), settings=settings)

for header in ["Authorization", "X-Chroma-Token"]:
    pets = client("${TOKEN}", header).get_or_create_collection("pets", embedding_function=None)
    pets.upsert(ids=["cat", "dog"], embeddings=[[1, 0, 0], [0, 1, 0]], documents=["a feline", "a canine"])
    print(pets.count(), pets.query(query_embeddings=[[1, 0.1, 0]], n_results=1)["ids"])
    try:
        client("wrong", header).list_collections()
    except ChromaAuthError as error:
        print(type(error).__name__, error)
    print(client("${TOKEN}", header).get_max_batch_size())
`;

describe.skipIf(!HAS_ENGINE)('the function of the endpoint', () => {
  it('serves the JavaScript client, and refuses one with another token', () =>
    served(async (port) => {
      const connect = (headers: Record<string, string>) => new ChromaClient({ host: '127.0.0.1', port, headers });
      const client = connect({ 'x-chroma-token': TOKEN });

      const pets = await client.getOrCreateCollection({ name: 'pets', embeddingFunction: null });
      await pets.add({ ids: ['cat'], embeddings: [[1, 0, 0]], documents: ['a feline 🐈'] });

      expect(await pets.get()).toMatchObject({ ids: ['cat'], documents: ['a feline 🐈'] });
      const wrong = connect({ authorization: 'Bearer other' });
      await expect(wrong.listCollections()).rejects.toThrow(ChromaForbiddenError);
      expect(await wrong.heartbeat()).toBeGreaterThan(0);
    }));

  it.skipIf(process.env.CHROMA_PYTHON === undefined)("serves Python's, by its own token provider", () =>
    served(async (port) => {
      const { stdout } = await run(process.env.CHROMA_PYTHON ?? '', ['-c', PYTHON, String(port)]);

      const each = ["2 [['cat']]", 'ChromaAuthError Forbidden', '250'];
      expect(stdout.trim().split('\n')).toEqual([...each, ...each]);
    }),
  );
});
