/** A delta that waits in an inbox, as readers need it. */

/** A delta that is accepted and not decided, with what is needed to read exactly the object that was listed. */
export interface WaitingDelta {
  deltaId: string;
  /** Its number in the log; `undefined`: a producer submitted it. */
  number: number | undefined;
  key: string;
  etag: string;
  /** Bytes. */
  size: number;
}
