import { createHash, randomBytes } from 'node:crypto';
import { ScannerError } from '../../../hal/base/errors.js';

/** The root for UIDs made from UUIDs: PS3.5 B.2. */
export const UUID_ROOT = '2.25';

/**
 * A new UID. Under 2.25 it is a random UUID (version 4) in decimal; under a site's own root, up to 64 characters of random digits.
 * @throws ScannerError config.invalid when the root is no UID or leaves less than 16 digits
 */
export function makeUid(root: string = UUID_ROOT): string {
  return uidOf(randomBytes(16), 4, root);
}

/**
 * The UID that always comes out for the same `name`: a UUID of version 8 from its hash. Whoever makes an object anew from the same
 * source gives it the same UID.
 * @throws ScannerError config.invalid as `makeUid`
 */
export function deriveUid(name: string, root: string = UUID_ROOT): string {
  return uidOf(createHash('sha256').update(name).digest().subarray(0, 16), 8, root);
}

function uidOf(bytes: Buffer, version: number, root: string): string {
  bytes[6] = (bytes[6]! & 0x0f) | (version << 4);
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const digits = BigInt(`0x${bytes.toString('hex')}`).toString();
  if (root === UUID_ROOT) return `${root}.${digits}`;
  if (!isUid(root) || root.length > 47) {
    throw new ScannerError('config.invalid', {
      where: 'uidRoot',
      message: root,
      expected: 'a UID of at most 47 characters',
    });
  }
  // a UUID's decimal never starts with 0, so any cut of it is a legal component
  return `${root}.${digits.slice(0, 63 - root.length)}`;
}

/** True for a UID as PS3.5 9.1 writes it: numeric components without leading zeros, at most 64 characters. */
export function isUid(uid: string): boolean {
  return uid.length <= 64 && /^(0|[1-9]\d*)(\.(0|[1-9]\d*))+$/.test(uid);
}
