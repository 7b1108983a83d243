/** Reads raw sets back: of CT the trace of the scan and its words piece by piece, of PET all words. */

import { type FileHandle, open } from 'node:fs/promises';
import { ScannerError } from '../../hal/base/errors.js';
import type { RawSet } from './rawset.js';

export interface CtRaw {
  rows: number;
  rowPitchMm: number;
  /** Tube angle of each reading, rad. */
  angles: Float64Array;
  /** Patient z of the source plane of each reading, mm. */
  sourceZ: Float64Array;
  /** Words of readings first .. first + count - 1, [reading][row][channel]. */
  readings(first: number, count: number): Promise<Uint16Array>;
  close(): Promise<void>;
}

/** @throws ScannerError data.missing, data.truncated */
export async function openCtRaw(set: RawSet): Promise<CtRaw> {
  const { ct } = set;
  if (!ct) throw new ScannerError('data.invalid', { what: set.file, message: 'no CT raw data' });
  const index = await readIndex(ct.indexFile, ct.indexOffset ?? 0, ct.readings);
  const handle = await openRaw(set.file);
  const begin = set.offset ?? 0;
  const bytesPerReading = ct.rows * ct.channels * 2;
  return {
    rows: ct.rows,
    rowPitchMm: ct.rowPitchMm,
    angles: index(0),
    sourceZ: index(1),
    readings: (first, count) => readWords(handle, set.file, begin + first * bytesPerReading, count * bytesPerReading),
    close: () => handle.close(),
  };
}

async function openRaw(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw new ScannerError('data.missing', { what: `raw data file ${path}` }, cause);
  }
}

/** Angle, plane and current of each reading, Float64 each; columns 0 to 2. */
async function readIndex(path: string, offset: number, readings: number): Promise<(column: number) => Float64Array> {
  const handle = await openRaw(path);
  const values = await readWords(handle, path, offset, readings * 24)
    .then(({ buffer }) => new Float64Array(buffer))
    .finally(() => handle.close());
  return (column) => {
    const out = new Float64Array(readings);
    for (let i = 0; i < readings; i++) out[i] = values[3 * i + column]!;
    return out;
  };
}

async function readWords(handle: FileHandle, what: string, position: number, length: number): Promise<Uint16Array> {
  const buffer = new ArrayBuffer(length);
  const view = new Uint8Array(buffer);
  for (let at = 0; at < length; ) {
    const { bytesRead } = await handle.read(view, at, length - at, position + at);
    if (bytesRead === 0)
      throw new ScannerError('data.truncated', { what, got: position + at, expected: position + length });
    at += bytesRead;
  }
  return new Uint16Array(buffer);
}

/** All words of a list-mode raw set. @throws ScannerError data.missing, data.truncated */
export async function readListmode(set: RawSet): Promise<Uint32Array> {
  const handle = await openRaw(set.file);
  try {
    const words = set.listmode?.words ?? 0;
    const halves = await readWords(handle, set.file, set.offset ?? 0, words * 4);
    return new Uint32Array(halves.buffer);
  } finally {
    await handle.close();
  }
}
