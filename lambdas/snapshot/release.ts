/** Memory of large buffers, given back without waiting for the garbage collector. */

/** Smaller buffers may share their memory with others: Node.js cuts small ones from one. */
const LARGE = 128 * 1024;

/**
 * Give back the memory behind bytes that nobody needs any more, all of it, and not only the part that they are a view of.
 * Buffers lie outside of the heap of JavaScript, and the collector lets some 64 MB of them go by before it looks.
 * Nothing may be reading or writing them any more, least of all in another thread or on a socket.
 */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength >= LARGE) buffer.transfer(0);
}
