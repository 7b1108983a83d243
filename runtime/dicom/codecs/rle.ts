import { ScannerError } from '../../../hal/base/errors.js';
import type { PixelFormat } from './format.js';

const HEADER_BYTES = 64;

/** Checks the header of an RLE frame before a decoder follows its offsets: PS3.5 G.5. @throws ScannerError data.invalid */
export function checkRle(bytes: Uint8Array, { samplesPerPixel, bitsAllocated }: PixelFormat): void {
  if (bytes.length < HEADER_BYTES) throw broken(`${bytes.length} bytes, its header has ${HEADER_BYTES}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, HEADER_BYTES);
  const expected = samplesPerPixel * (bitsAllocated / 8);
  const segments = view.getUint32(0, true);
  if (segments !== expected) throw broken(`${segments} segments, expected ${expected}`);
  let last = HEADER_BYTES - 1;
  for (let i = 1; i <= segments; i++) {
    const offset = view.getUint32(4 * i, true);
    if (offset <= last || offset >= bytes.length) throw broken(`segment ${i} starts at byte ${offset}`);
    last = offset;
  }
}

function broken(message: string): ScannerError {
  return new ScannerError('data.invalid', { what: 'RLE frame', message });
}
