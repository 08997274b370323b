/** Returns the memory of large buffers without waiting for the garbage collector. */

/** Smaller buffers may share their memory with others: Node.js allocates small ones from a pool. */
const LARGE = 128 * 1024;

/**
 * Free the memory behind bytes that are no longer needed: the whole buffer, not only the part that they are a view of.
 * Buffers lie outside the JavaScript heap, and the collector lets some 64 MB of them accumulate before it runs. Nothing
 * may still read or write them, in particular no other thread or socket.
 */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= LARGE) buffer.transfer(0);
}
