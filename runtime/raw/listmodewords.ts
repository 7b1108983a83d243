/**
 * 32-bit PET list-mode words (PETLINK guideline): events `0P` + 30-bit bin address, tags by their leading bits.
 * Files hold them little endian in time order; the bin address is radial + 400 (angle + 168 (plane + 621 tof)).
 */

import { PET } from '../../native/petgeometry.js';

export type ListmodeWord =
  | { kind: 'prompt'; radial: number; angle: number; plane: number; tof: number }
  | { kind: 'delayed'; radial: number; angle: number; plane: number }
  | { kind: 'time'; ms: number }
  | { kind: 'singles'; block: number; count: number }
  | { kind: 'bed'; payload: number }
  | { kind: 'gate'; payload: number }
  | { kind: 'checksum'; payload: number }
  | { kind: 'corrupt'; word: number };

/** R wave of the ECG (physiology tag). */
export const R_WAVE_TAG = 0xe1008000;
/** @param ms elapsed since the start of the acquisition, below 2^29 */
export function timeTag(ms: number): number {
  return (0x8000_0000 + (ms & 0x1fff_ffff)) >>> 0;
}

/** @param count singles divided by the header's scale factor, at most 19 bits */
export function singlesTag(block: number, count: number): number {
  return (0xa000_0000 + (block & 0x3ff) * 0x8_0000 + Math.min(0x7_ffff, count)) >>> 0;
}

export function promptWord(radial: number, angle: number, plane: number, tof: number): number {
  return 0x4000_0000 + radial + PET.radials * (angle + PET.angles * (plane + PET.planes * tof));
}

/** Delayed events carry the time-of-flight bin after the last. */
export function delayedWord(radial: number, angle: number, plane: number): number {
  return radial + PET.radials * (angle + PET.angles * (plane + PET.planes * PET.delayedTof));
}

export function decodeWord(word: number): ListmodeWord {
  if (word < 0x8000_0000) return decodeEvent(word);
  switch (word >>> 29) {
    case 4:
      return { kind: 'time', ms: word & 0x1fff_ffff };
    case 5: {
      const block = (word >>> 19) & 0x3ff;
      return block < PET.blocks ? { kind: 'singles', block, count: word & 0x7_ffff } : { kind: 'corrupt', word };
    }
    case 6:
      return { kind: 'bed', payload: word & 0x1fff_ffff };
    default:
      if (word >>> 28 === 0xe) return { kind: 'gate', payload: word & 0x0fff_ffff };
      return word >>> 24 === 0xff ? { kind: 'checksum', payload: word & 0xff_ffff } : { kind: 'corrupt', word };
  }
}

function decodeEvent(word: number): ListmodeWord {
  const address = word % 0x4000_0000;
  if (address >= PET.addresses) return { kind: 'corrupt', word };
  const bin = address % PET.bins;
  const tof = Math.floor(address / PET.bins);
  const radial = bin % PET.radials;
  const angle = Math.floor(bin / PET.radials) % PET.angles;
  const plane = Math.floor(bin / (PET.radials * PET.angles));
  if (word < 0x4000_0000) return { kind: 'delayed', radial, angle, plane };
  return tof < PET.tofBins ? { kind: 'prompt', radial, angle, plane, tof } : { kind: 'corrupt', word };
}

/** Words of a list-mode file's bytes (little endian). Copies only when the bytes are not aligned. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const length = bytes.byteLength >>> 2;
  if (bytes.byteOffset % 4 === 0) return new Uint32Array(bytes.buffer, bytes.byteOffset, length);
  return new Uint32Array(bytes.slice(0, length * 4).buffer);
}
