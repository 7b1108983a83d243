import { ScannerError } from '../../../hal/base/errors.js';
import type { PixelFormat } from './format.js';

interface JpegFrame {
  /** Bits of a sample as coded. */
  precision: number;
  rows: number;
  columns: number;
  components: number;
}

/** SOF0, SOF1 and SOF3 are the processes of .50, .51, .57 and .70: ISO 10918-1 table B.1. */
const SOF: ReadonlySet<number> = new Set([0xc0, 0xc1, 0xc3]);

/**
 * The frame header of a JPEG stream, checked against the image that it is said to hold.
 * @throws ScannerError data.invalid
 */
export function jpegFrame(bytes: Uint8Array, format: PixelFormat): JpegFrame {
  const frame = findFrame(bytes);
  const same =
    frame.rows === format.rows && frame.columns === format.columns && frame.components === format.samplesPerPixel;
  if (!same || frame.precision > format.bitsAllocated || frame.precision < 2) {
    const { rows, columns, components, precision } = frame;
    throw broken(
      `${columns} x ${rows} x ${components} of ${precision} bits, expected ` +
        `${format.columns} x ${format.rows} x ${format.samplesPerPixel} of ${format.bitsAllocated} at most`,
    );
  }
  return frame;
}

function findFrame(bytes: Uint8Array): JpegFrame {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw broken('no SOI marker at the start');
  let at = 2;
  while (at + 4 <= bytes.length) {
    if (bytes[at] !== 0xff) throw broken(`no marker at byte ${at}`);
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at++;
      continue;
    }
    const length = (bytes[at + 2]! << 8) | bytes[at + 3]!;
    if (SOF.has(marker)) return frameHeader(bytes, at + 4, length);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      throw broken(`a process that DICOM does not use (SOF${marker - 0xc0})`);
    }
    if (marker === 0xda || length < 2) break;
    at += 2 + length;
  }
  throw broken('no frame header');
}

function frameHeader(bytes: Uint8Array, at: number, length: number): JpegFrame {
  if (length < 8 || at + 6 > bytes.length) throw broken('its frame header is cut');
  return {
    precision: bytes[at]!,
    rows: (bytes[at + 1]! << 8) | bytes[at + 2]!,
    columns: (bytes[at + 3]! << 8) | bytes[at + 4]!,
    components: bytes[at + 5]!,
  };
}

function broken(message: string): ScannerError {
  return new ScannerError('data.invalid', { what: 'JPEG stream', message });
}
