import { ScannerError } from '../../../hal/base/errors.js';
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
}

/** Transfer syntaxes by UID: PS3.6 A. */
export const TRANSFER_SYNTAXES: Readonly<Record<string, TransferSyntax>> = readTable(
  import.meta.url,
  '../tables/transfer-syntaxes.json',
);

export const IMPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2';
export const EXPLICIT_LITTLE_ENDIAN = '1.2.840.10008.1.2.1';

/** What we offer and accept, best first, where nothing else is configured. */
export const UNCOMPRESSED: readonly string[] = [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN];

export function isImplicit(uid: string): boolean {
  return uid === IMPLICIT_LITTLE_ENDIAN;
}

/**
 * Refuses the syntaxes whose datasets we pass through but do not read: big endian and deflated.
 * @throws ScannerError data.dicom
 */
export function needReadable(uid: string): void {
  const syntax = TRANSFER_SYNTAXES[uid];
  if (syntax?.bigEndian || syntax?.deflated) {
    throw new ScannerError('data.dicom', { where: 'dataset', message: `${syntax.name} is passed through, not read` });
  }
}
