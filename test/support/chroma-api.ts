/** Chroma's own HTTP API, for tests that ask a server past everything of ours. */

/** Far more than any server takes to start: the machine may have other things to do, and only a hang should end here. */
export const START_MS = 300_000;
