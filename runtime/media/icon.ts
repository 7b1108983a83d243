/** Icons of the directory: 10.2.3.3.4 of the statement, PS3.3 F.7. */

import { type FileHandle, open } from 'node:fs/promises';
import { asScannerError } from '../../hal/base/errors.js';
import { fileBytes } from '../dicom/codecs/bytes.js';
import { decodeFrame } from '../dicom/codecs/codec.js';
import { frameBytes, type PixelFormat, pixelFormat } from '../dicom/codecs/format.js';
import { encapsulatedFrames } from '../dicom/codecs/frames.js';
import { swapped } from '../dicom/codecs/plan.js';
import type { CodecPool } from '../dicom/codecs/pool.js';
import { type Dataset, dataset, element, number, setElement } from '../dicom/dataset/dataset.js';
import type { FileHeader } from '../dicom/dataset/header.js';
import { encodingOf, TRANSFER_SYNTAXES } from '../dicom/dataset/transfer-syntax.js';
import { type Gray, grayOf } from './icon-gray.js';

interface Frame {
  bytes: Uint8Array;
  format: PixelFormat;
}

/**
 * The item of an Icon Image Sequence: `size` by `size` pixels of 8 bits, MONOCHROME2, the image's own window, its shape kept on black.
 * @returns undefined for an object without pixels that our codecs take
 * @throws ScannerError data.disk when the file is gone
 */
export async function makeIcon(
  path: string,
  header: FileHeader,
  size: number,
  codecs: CodecPool,
): Promise<Dataset | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const frame = await readFrame(handle, header, codecs);
    if (!frame) return undefined;
    const gray = grayOf(frame.bytes, frame.format, header.dataset);
    return gray && iconItem(shrunk(gray, size), size);
  } catch (thrown) {
    const error = asScannerError(thrown, 'data.disk', { path });
    // pixels that cannot be read make an image without an icon, not a disc without an image
    if (['data.invalid', 'data.dicom', 'data.truncated', 'data.missing', 'limit.size'].includes(error.code))
      return undefined;
    throw error;
  } finally {
    await handle?.close();
  }
}

/** The frame that stands for the image: the one it names (0028,6010), else its first. */
async function readFrame(handle: FileHandle, header: FileHeader, codecs: CodecPool): Promise<Frame | undefined> {
  const { dataset: ds, transferSyntax, size } = header;
  const pixels = element(ds, 'PixelData');
  if (!pixels || pixels.bulk?.inflated) return undefined;
  const format = pixelFormat(ds);
  const wanted = Math.min(Math.max(number(ds, 'RepresentativeFrameNumber') ?? 1, 1), format.frames) - 1;
  if (TRANSFER_SYNTAXES[transferSyntax]?.encapsulated) {
    if (!pixels.bulk) return undefined;
    let at = 0;
    for await (const coded of encapsulatedFrames(fileBytes(handle, 0, size), pixels.bulk.offset, format.frames)) {
      if (at++ === wanted) return decodeFrame(codecs, transferSyntax, format, Buffer.from(coded));
    }
    return undefined;
  }
  const length = frameBytes(format);
  const bytes = pixels.bulk
    ? await readAt(handle, pixels.bulk.offset + wanted * length, length)
    : (pixels.Value[0] as Uint8Array | undefined)?.subarray(wanted * length, (wanted + 1) * length);
  if (!bytes || bytes.length < length) return undefined;
  const turn = encodingOf(transferSyntax).bigEndian && pixels.bulk && format.bitsAllocated > 8;
  return { bytes: turn ? swapped(Buffer.from(bytes), 2) : bytes, format };
}

async function readAt(handle: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(length);
  const { bytesRead } = await handle.read(buffer, 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

/** Means of the cells that the icon's pixels cover, on black where the image is not square. */
function shrunk({ rows, columns, values, shade }: Gray, size: number): Uint8Array {
  const scale = size / Math.max(rows, columns);
  const [height, width] = [rows, columns].map((length) => Math.max(1, Math.round(length * scale))) as [number, number];
  const [top, left] = [Math.floor((size - height) / 2), Math.floor((size - width) / 2)];
  const icon = new Uint8Array(size * size);
  const firstOf = (i: number, cells: number, length: number) => Math.floor((i * length) / cells);
  for (let y = 0; y < height; y++) {
    const y0 = firstOf(y, height, rows);
    const y1 = Math.max(y0 + 1, firstOf(y + 1, height, rows));
    for (let x = 0; x < width; x++) {
      const x0 = firstOf(x, width, columns);
      const x1 = Math.max(x0 + 1, firstOf(x + 1, width, columns));
      let sum = 0;
      for (let row = y0; row < y1; row++)
        for (let i = row * columns + x0; i < row * columns + x1; i++) sum += values[i]!;
      icon[(top + y) * size + left + x] = shade(sum / ((y1 - y0) * (x1 - x0)));
    }
  }
  return icon;
}

function iconItem(pixels: Uint8Array, size: number): Dataset {
  const item = dataset({
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: size,
    Columns: size,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
  });
  return setElement(item, 'PixelData', 'OB', [pixels]);
}
