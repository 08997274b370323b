/**
 * The network that stands between a Lambda and its services. The same for both protocols, and stated here only.
 *
 * - **Latency** is per request: each ranged GET, page of a listing, part of a multipart upload, table request, and each
 *   file on EFS that is opened, created, renamed, removed or looked for.
 * - **Throughput** is a shared link per process: concurrent transfers share it, and whatever goes up or down counts.
 * - A delay is a real timer around the real work, and a floor: a call takes the model's time, or the real one's if that
 *   is longer. Everything between two calls (CPU, Chroma, local disk) takes the time that it takes.
 */
export interface NetworkModel {
  /** To the first byte of a GET, HEAD or page of LIST, in milliseconds. */
  storeReadMs: number;
  /** Of a PUT, DELETE or part of an upload, beside the transfer of its bytes. */
  storeWriteMs: number;
  storeBytesPerSecond: number;
  tableMs: number;
  cacheMs: number;
  cacheBytesPerSecond: number;
  /** Per state transition of Step Functions, retries included; and per invocation of the predecessor's one Lambda. */
  transitionMs: number;
}

const MB = 1_000_000;

export const PRESETS = {
  local: {
    storeReadMs: 0,
    storeWriteMs: 0,
    storeBytesPerSecond: Number.POSITIVE_INFINITY,
    tableMs: 0,
    cacheMs: 0,
    cacheBytesPerSecond: Number.POSITIVE_INFINITY,
    transitionMs: 0,
  },
  aws: {
    storeReadMs: 20,
    storeWriteMs: 40,
    storeBytesPerSecond: 90 * MB,
    tableMs: 4,
    cacheMs: 2,
    cacheBytesPerSecond: 300 * MB,
    transitionMs: 15,
  },
} as const satisfies Record<string, NetworkModel>;

export type Preset = keyof typeof PRESETS;
