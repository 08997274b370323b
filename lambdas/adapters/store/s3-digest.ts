/** Converts digests: S3 writes them in base64, we in hex. */
import { hash } from 'node:crypto';

export function sha256Base64(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'base64');
}

export function hexToBase64(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64');
}

/** `undefined` if S3 has no digest of the whole object: objects made of parts have a digest of digests (`...-7`). */
export function wholeSha256(checksum: string | undefined): string | undefined {
  return checksum === undefined || checksum.includes('-') ? undefined : Buffer.from(checksum, 'base64').toString('hex');
}
