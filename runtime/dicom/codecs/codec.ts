import { ScannerError } from '../../../hal/base/errors.js';
import { TRANSFER_SYNTAXES } from '../dataset/transfer-syntax.js';
import { frameBytes, type PixelFormat } from './format.js';
import { jpegFrame } from './jpeg.js';
import { fromPlanes, toPlanes } from './planes.js';
import type { CodecPool } from './pool.js';
import { checkRle } from './rle.js';

/** A frame's pixels as `format` says. */
export interface DecodedFrame {
  bytes: Uint8Array;
  format: PixelFormat;
}

/**
 * Decodes one frame of an encapsulated syntax, laid out as Planar Configuration says.
 * Colour of lossy streams and of JPEG 2000 comes out as RGB, that of the other lossless ones as it was coded.
 * @throws ScannerError data.invalid for a broken stream or one that holds another image, timeout.stage
 */
export async function decodeFrame(
  pool: CodecPool,
  transferSyntax: string,
  format: PixelFormat,
  bytes: Uint8Array,
): Promise<DecodedFrame> {
  const { codec, lossy = false } = TRANSFER_SYNTAXES[transferSyntax] ?? {};
  if (!codec) {
    throw new ScannerError('data.invalid', { what: 'transfer syntax', message: `${transferSyntax} has no codec` });
  }
  let coded = { ...format, planar: false };
  if (codec === 'rle') checkRle(bytes, format);
  // the decoder is chosen by this number, and it is the stream's precision that counts
  if (codec === 'jpeg') coded = { ...coded, bitsStored: jpegFrame(bytes, format).precision };
  const toRgb = format.samplesPerPixel === 3 && (lossy || codec === 'jpeg2000');
  const result = await pool.run({ operation: 'decode', codec, format: coded, bytes, toRgb });
  const expected = frameBytes(format);
  if (result.bytes.length !== expected) {
    throw new ScannerError('data.truncated', { what: 'decoded frame', got: result.bytes.length, expected });
  }
  const pixels = format.planar ? toPlanes(result.bytes, format) : result.bytes;
  return { bytes: pixels, format: toRgb ? { ...format, photometricInterpretation: 'RGB' } : format };
}

/** What `encodeFrame` makes: lossless (.70), or lossy of a quality from 1 to 99 (.50). */
export const LOSSLESS_JPEG = '1.2.840.10008.1.2.4.70';
export const BASELINE_JPEG = '1.2.840.10008.1.2.4.50';

/** True when `encodeFrame` can write these pixels in the syntax: there is no encoder for the 12 bits of .51. */
export function canEncode(
  transferSyntax: string,
  { bitsAllocated, samplesPerPixel, photometricInterpretation }: PixelFormat,
) {
  const isPlain = samplesPerPixel === 1 || photometricInterpretation === 'RGB';
  if (transferSyntax === LOSSLESS_JPEG) return isPlain;
  return (
    transferSyntax === BASELINE_JPEG && isPlain && bitsAllocated === 8 && photometricInterpretation !== 'PALETTE COLOR'
  );
}

/**
 * Encodes one frame of little-endian pixels; colour by plane is coded by pixel.
 * @returns the stream and the photometric interpretation of what is in it
 * @throws ScannerError data.invalid, timeout.stage
 */
export async function encodeFrame(
  pool: CodecPool,
  transferSyntax: string,
  format: PixelFormat,
  bytes: Uint8Array,
  quality = 90,
): Promise<{ bytes: Uint8Array; photometricInterpretation: string }> {
  if (!canEncode(transferSyntax, format) || bytes.length !== frameBytes(format)) {
    throw new ScannerError('bug.contract', { message: `${transferSyntax} cannot hold these pixels` });
  }
  const isLossy = transferSyntax === BASELINE_JPEG;
  // overlay bits and signs above Bits Stored survive only where all allocated bits are coded
  const coded = {
    ...format,
    bitsStored: isLossy || !usesSpareBits(format, bytes) ? format.bitsStored : format.bitsAllocated,
  };
  const interleaved = format.planar ? fromPlanes(bytes, format) : bytes;
  const request = { operation: 'encode' as const, codec: 'jpeg' as const, format: coded, bytes: interleaved };
  const result = await pool.run(isLossy ? { ...request, quality } : request);
  const isColour = format.samplesPerPixel === 3;
  // the encoder turns RGB into YCbCr without subsampling and says RGB still
  const photometricInterpretation = isLossy && isColour ? 'YBR_FULL' : format.photometricInterpretation;
  return { bytes: result.bytes, photometricInterpretation };
}

function usesSpareBits({ bitsAllocated, bitsStored }: PixelFormat, bytes: Uint8Array): boolean {
  const spare = (0xffff << bitsStored) & (2 ** bitsAllocated - 1);
  if (bitsAllocated === 8) return bytes.some((value) => (value & spare) !== 0);
  for (let i = 1; i < bytes.length; i += 2) if ((((bytes[i]! << 8) | bytes[i - 1]!) & spare) !== 0) return true;
  return false;
}
