/** The engine's own HTTP API, as it is: requests go in and answers come out as text, whatever they say. */
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

/** A running server, on a directory that is nobody else's. */
export interface ApiServer {
  /** False from the moment on in which it is known to have ended, whatever ended it. */
  readonly isRunning: boolean;
  /** @throws EngineUnavailableError (it gave no answer) */
  send(request: ApiRequest): Promise<ApiAnswer>;
  /** On one of its collections. Closing it leaves the server as it is. */
  session(): EngineSession;
  /** Stop it, and wait for its exit. Never throws: nobody needs what it wrote. */
  close(): Promise<void>;
}

export interface ApiEngine {
  identify(): Promise<EngineIdentity>;
  /** Start a server on an empty directory, which goes with it. @throws EngineUnavailableError */
  startScratch(): Promise<ApiServer>;
  /** Start a server on a copy, which is dirty then. @throws DirtyDirectoryError, EngineUnavailableError */
  serve(directory: WorkingDirectory): Promise<ApiServer>;
}
