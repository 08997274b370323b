/** What waits in an inbox, as readers take it. */

/** A delta that is accepted and not decided, and what is needed to read exactly what was listed. */
export interface WaitingDelta {
  deltaId: string;
  /** Of the log; `undefined`: a producer put it there. */
  number: number | undefined;
  key: string;
  etag: string;
  /** Bytes. */
  size: number;
}
