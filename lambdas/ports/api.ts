/** The engine's own HTTP API, unchanged: requests and answers are passed as text. */
import type { WorkingDirectory } from './directories.ts';
import type { EngineIdentity, EngineSession } from './engine.ts';

export interface ApiRequest {
  method: string;
  /** From the root, with its query. */
  path: string;
  body?: string | undefined;
  contentType?: string | undefined;
}

export interface ApiAnswer {
  status: number;
  /** Empty for none. */
  body: string;
  contentType: string | undefined;
}

/** A running server, on a directory that nothing else uses. */
export interface ApiServer {
  /** False once it is known to have ended, whatever ended it. */
  readonly isRunning: boolean;
  /** @throws EngineUnavailableError (it gave no answer) */
  send(request: ApiRequest): Promise<ApiAnswer>;
  /** A session on one of its collections. Closing it does not stop the server. */
  session(): EngineSession;
  /** Stop it, and wait for its exit. Never throws: what it wrote is not needed. */
  close(): Promise<void>;
}

export interface ApiEngine {
  identify(): Promise<EngineIdentity>;
  /** Start a server on an empty directory, which is removed with it. @throws EngineUnavailableError */
  startScratch(): Promise<ApiServer>;
  /** Start a server on a copy, which becomes dirty. @throws DirtyDirectoryError, EngineUnavailableError */
  serve(directory: WorkingDirectory): Promise<ApiServer>;
}
