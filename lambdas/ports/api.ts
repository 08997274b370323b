/** The engine's own HTTP API, unchanged: requests and answers are passed as text. */
import type { WorkingDirectory } from './directories.ts';
import type { EngineIdentity, EngineSession } from './engine.ts';

export interface ApiRequest {
  method: string;
  /** Path from the root, including the query. */
  path: string;
  body?: string | undefined;
  contentType?: string | undefined;
}

export interface ApiAnswer {
  status: number;
  /** Empty if there is none. */
  body: string;
  contentType: string | undefined;
}

/** A running server, on a directory that nothing else uses. */
export interface ApiServer {
  /** False once the server is known to have exited, for whatever reason. */
  readonly isRunning: boolean;
  /** @throws EngineUnavailableError (it gave no answer) */
  send(request: ApiRequest): Promise<ApiAnswer>;
  /** A session on one of its collections. Closing it does not stop the server. */
  session(): EngineSession;
  /** Stop it, and wait for its exit. Never throws, since what it wrote is not needed. */
  close(): Promise<void>;
}

export interface ApiEngine {
  identify(): Promise<EngineIdentity>;
  /** Start a server on an empty directory, which is removed when it closes. @throws EngineUnavailableError */
  startScratch(): Promise<ApiServer>;
  /** Start a server on a copy, which becomes dirty. @throws DirtyDirectoryError, EngineUnavailableError */
  serve(directory: WorkingDirectory): Promise<ApiServer>;
}
