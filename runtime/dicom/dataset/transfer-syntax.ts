import { readTable } from '../../../hal/base/table.js';

export interface TransferSyntax {
  name: string;
  explicit: boolean;
  encapsulated: boolean;
  bigEndian?: boolean;
  deflated?: boolean;
  /** The codec that reads its frames. */
  codec?: 'rle' | 'jpeg' | 'jpeg2000';
  /** Pixels in it have lost something, or may have. */
  lossy?: boolean;
  /** What received objects are turned into: notes of the statement's Table 6. */
  importAs?: string;
}

/** Transfer syntaxes by UID: PS3.6 A. */
export const TRANSFER_SYNTAXES: Readonly<Record<string, TransferSyntax>> = readTable(
  import.meta.url,
  '../tables/transfer-syntaxes.json',
);

export const IMPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';
export const DEFLATED_EXPLICIT = '1.2.840.10008.1.2.1.99';
export const EXPLICIT_BIG_ENDIAN = '1.2.840.10008.1.2.2';

/** What we offer and accept, best first, where nothing else is configured. */
export const UNCOMPRESSED: readonly string[] = [EXPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN, IMPLICIT_LITTLE_ENDIAN];

export function isImplicit(uid: string): boolean {
  return uid === IMPLICIT_LITTLE_ENDIAN;
}

/** How the elements of a dataset are written: PS3.5 7.1 and 7.3. */
export interface Encoding {
  implicit: boolean;
  bigEndian: boolean;
}

/** The encoding of a syntax; one that we do not know is explicit VR little endian, as all that came after the first two. */
export function encodingOf(uid: string): Encoding {
  return { implicit: isImplicit(uid), bigEndian: TRANSFER_SYNTAXES[uid]?.bigEndian ?? false };
}

export function isDeflated(uid: string): boolean {
  return TRANSFER_SYNTAXES[uid]?.deflated ?? false;
}
