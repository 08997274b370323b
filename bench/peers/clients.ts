/** Each peer's client. Loaded when it is needed, so that no process holds another one's libraries. */
import type { Address, Client, PeerName } from './peer.ts';

export async function openClient(peer: PeerName, address: Address, nth: number): Promise<Client> {
  switch (peer) {
    case 'chroma':
    case 'endpoint': {
      const { openHttpClient } = await import('./http-client.ts');
      return openHttpClient(address as never);
    }
    case 'lancedb': {
      const { openLanceClient } = await import('./lancedb.ts');
      return openLanceClient(address as never, nth);
    }
    case 'library': {
      const { openLibraryClient } = await import('./library.ts');
      return openLibraryClient(address as never, nth);
    }
    case 'predecessor': {
      const { openPredecessorClient } = await import('./predecessor.ts');
      return openPredecessorClient(address as never);
    }
  }
}
