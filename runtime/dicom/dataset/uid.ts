import { randomBytes } from 'node:crypto';
import { ScannerError } from '../../../hal/base/errors.js';

/** The root for UIDs made from UUIDs: PS3.5 B.2. */
export const UUID_ROOT = '2.25';

/**
 * A new UID. Under 2.25 it is a random UUID (version 4) in decimal; under a site's own root, up to 64 characters of random digits.
 * @throws ScannerError config.invalid when the root is no UID or leaves less than 16 digits
 */
export function makeUid(root: string = UUID_ROOT): string {
  const random = randomBytes(16);
  random[6] = (random[6]! & 0x0f) | 0x40;
  random[8] = (random[8]! & 0x3f) | 0x80;
  const digits = BigInt(`0x${random.toString('hex')}`).toString();
  if (root === UUID_ROOT) return `${root}.${digits}`;
  if (!isUid(root) || root.length > 47) {
    throw new ScannerError('config.invalid', {
      where: 'uidRoot',
      message: root,
      expected: 'a UID of at most 47 characters',
    });
  }
  // a version 4 UUID never starts a decimal with 0, so any cut of it is a legal component
  return `${root}.${digits.slice(0, 63 - root.length)}`;
}

/** True for a UID as PS3.5 9.1 writes it: numeric components without leading zeros, at most 64 characters. */
export function isUid(uid: string): boolean {
  return uid.length <= 64 && /^(0|[1-9]\d*)(\.(0|[1-9]\d*))+$/.test(uid);
}
