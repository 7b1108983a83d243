/** What is to be burned as one session: made by the file-set, taken by the burn job. */

import { ScannerError } from '../../hal/base/errors.js';

/** One file of the session. */
export interface BurnFile {
  /** Where it goes, `/`-separated, e.g. `DICOM/PA000001/ST000001/SE000001/IM000001` or `DICOMDIR`. Replaces one of an earlier session. */
  discPath: string;
  /** A file that stays as it is until the job has ended, or bytes, which the job keeps itself. */
  source: { path: string } | { bytes: Uint8Array };
  size: number;
  /** Of the bytes, hex: what is read back must have it. */
  sha256: string;
  /** The instance that this file is, to be marked as burned. Absent for a DICOMDIR or a README. */
  sopInstanceUid?: string;
}

export interface BurnPlan {
  medium: 'cd' | 'dvd';
  /** ISO 9660 d-characters, at most 32; DICOM's file-set ID is at most 16 of them. */
  volumeId: string;
  /** What to write on the disc by hand or printer, for the operator. */
  label: string;
  /** The session is added to the disc whose newest session has this volume ID; a blank disc is asked for when absent. */
  appendTo?: string;
  /** Finalise the disc: nothing can be added afterwards. The statement's exporter does not (9.1.2.3). */
  close: boolean;
  files: readonly BurnFile[];
}

const D_CHARACTERS = /^[A-Z0-9_]{1,8}$/;
const VOLUME_ID = /^[A-Z0-9_]{1,32}$/;
const SHA256 = /^[0-9a-f]{64}$/;
/** PS3.10 8.2: file IDs have at most 8 components. */
const COMPONENTS = 8;

/**
 * A plan that can be mastered as ISO 9660 level 1 with file IDs of PS3.10. Names with an extension, as a README.TXT outside of the
 * file-set, are allowed in the root.
 * @throws ScannerError data.invalid with the first mistake
 */
export function checkPlan(plan: BurnPlan): void {
  const wrong = (what: string, message: string): never => {
    throw new ScannerError('data.invalid', { what, message });
  };
  if (!VOLUME_ID.test(plan.volumeId)) wrong('volume ID', `'${plan.volumeId}' is not 1 to 32 of A-Z 0-9 _`);
  if (plan.files.length === 0) wrong('burn plan', 'no files');
  const paths = new Set<string>();
  for (const { discPath, size, sha256, source } of plan.files) {
    const parts = discPath.split('/');
    const [name = '', extension, ...more] = (parts.at(-1) ?? '').split('.');
    const named = [...parts.slice(0, -1), name].every((part) => D_CHARACTERS.test(part)) && more.length === 0;
    const extended = extension === undefined || (parts.length === 1 && /^[A-Z0-9_]{1,3}$/.test(extension));
    if (!named || !extended) wrong(discPath, 'is not made of names of 1 to 8 of A-Z 0-9 _');
    if (parts.length > COMPONENTS) wrong(discPath, `has ${parts.length} components, at most ${COMPONENTS}`);
    if (paths.has(discPath)) wrong(discPath, 'is there twice');
    if (!Number.isSafeInteger(size) || size < 0) wrong(discPath, `size ${size}`);
    if (!SHA256.test(sha256)) wrong(discPath, 'checksum is not 64 hexadecimal digits');
    if ('bytes' in source && source.bytes.length !== size) {
      wrong(discPath, `size ${size}, but ${source.bytes.length} bytes`);
    }
    paths.add(discPath);
  }
}

/** Bytes of all files. */
export function planBytes({ files }: Pick<BurnPlan, 'files'>): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}
