import { ScannerError } from '../../../hal/base/errors.js';
import type { Dataset } from '../dataset/dataset.js';
import { decodeDataset } from '../dataset/decode.js';
import { EXPLICIT_LITTLE_ENDIAN } from '../dataset/transfer-syntax.js';
import type { ByteStore } from './bytes.js';
import { elementHeader, unitOf } from './elements.js';
import { type PixelFormat, pixelFormat } from './format.js';
import type { PixelPlace } from './frames.js';
import { swapped } from './plan.js';
import { DatasetWalker, encodingOf, type Token, walk } from './walker.js';

/** An image in a dataset: how its pixels are laid out, and where they stand. */
export interface ImagePixels {
  format: PixelFormat;
  place: PixelPlace;
  /** Of Pixel Data. */
  vr: string;
  encapsulated: boolean;
  /** Attributes at the top of the groups 0008 and 0028 that are small. */
  attributes: Dataset;
}

const PIXEL_DATA = 0x7fe00010;
const SMALL_BYTES = 1024;
const EXPLICIT = { implicit: false, bigEndian: false };

/** @throws ScannerError data.* where there is no image that our codecs take, limit.size */
export async function findPixels(bytes: ByteStore, transferSyntax: string): Promise<ImagePixels> {
  const kept: Buffer[] = [];
  let pixels: Token | undefined;
  const wants = (tag: number, length: number, depth: number) =>
    depth === 0 && length <= SMALL_BYTES && (tag >>> 16 === 0x0008 || tag >>> 16 === 0x0028);
  const walker = new DatasetWalker(bytes.size, encodingOf(transferSyntax), { wants });
  await walk(bytes, walker, (token) => {
    if (token.depth > 0) return;
    if (token.tag === PIXEL_DATA && (token.kind === 'pixels' || token.kind === 'element')) pixels = token;
    if (token.kind !== 'element' || !wants(token.tag, token.length, 0)) return;
    const value = Buffer.from(walker.value(token));
    kept.push(elementHeader(token.tag, token.vr, token.length, EXPLICIT));
    kept.push(token.encoding.bigEndian ? swapped(value, unitOf(token.vr)) : value);
  });
  if (!pixels) throw new ScannerError('data.missing', { what: 'PixelData' });
  const attributes = decodeDataset(Buffer.concat(kept), EXPLICIT_LITTLE_ENDIAN);
  const { valueOffset, length, kind, vr } = pixels;
  return {
    attributes,
    format: pixelFormat(attributes),
    place: { offset: valueOffset, length },
    vr,
    encapsulated: kind === 'pixels',
  };
}
