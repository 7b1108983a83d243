import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bulkOf } from '../../runtime/dicom/dataset/bulk.js';
import { type Dataset, dataset, setElement } from '../../runtime/dicom/dataset/dataset.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { writePart10File } from '../../runtime/dicom/dataset/part10.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { EXPLICIT } from './dicom.js';

export const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

/** What a made image looks like; odd sizes by default, so that nothing is even by luck. */
export interface PixelShape {
  rows?: number;
  columns?: number;
  bits?: 8 | 16;
  stored?: number;
  signed?: boolean;
  photometric?: 'MONOCHROME2' | 'RGB' | 'PALETTE COLOR';
  planar?: boolean;
  frames?: number;
  /** Sets bits above Bits Stored, as overlays do. */
  spare?: boolean;
}

/** Smooth values with some texture, little endian. */
export function pixelsOf(shape: PixelShape): Buffer {
  const { rows = 37, columns = 41, bits = 8, stored = bits, signed = false, frames = 1, spare = false } = shape;
  const samples = shape.photometric === 'RGB' ? 3 : 1;
  const count = rows * columns * samples;
  const out = Buffer.alloc((count * frames * bits) / 8);
  const span = 2 ** stored - 1;
  for (let i = 0; i < count * frames; i++) {
    const wave = 0.5 + 0.5 * Math.sin(i / 97) * Math.cos((i % columns) / 7);
    let value = Math.floor(wave * span);
    if (signed) value -= 2 ** (stored - 1);
    if (spare && i % 5 === 0) value |= 1 << stored;
    if (bits === 8) out.writeUInt8(value & 0xff, i);
    else out.writeUInt16LE(value & 0xffff, 2 * i);
  }
  return out;
}

/** A secondary capture with those pixels; `more` changes its elements. */
export async function makeImage(
  folder: string,
  shape: PixelShape,
  more: { change?(ds: Dataset): void; transferSyntax?: string; sopClassUid?: string } = {},
): Promise<{ path: string; pixels: Buffer; sopInstanceUid: string }> {
  const { rows = 37, columns = 41, bits = 8, stored = bits, frames = 1 } = shape;
  const photometric = shape.photometric ?? 'MONOCHROME2';
  const sopInstanceUid = makeUid();
  const ds = dataset({
    SOPClassUID: more.sopClassUid ?? SECONDARY_CAPTURE,
    SOPInstanceUID: sopInstanceUid,
    StudyInstanceUID: '2.25.1',
    SeriesInstanceUID: '2.25.2',
    PatientID: 'P1',
    PatientName: 'Pixel^Test',
    Modality: 'OT',
    ImageType: ['ORIGINAL', 'PRIMARY'],
    SamplesPerPixel: photometric === 'RGB' ? 3 : 1,
    PhotometricInterpretation: photometric,
    ...(photometric === 'RGB' ? { PlanarConfiguration: shape.planar ? 1 : 0 } : {}),
    ...(frames > 1 ? { NumberOfFrames: String(frames) } : {}),
    Rows: rows,
    Columns: columns,
    BitsAllocated: bits,
    BitsStored: stored,
    HighBit: stored - 1,
    PixelRepresentation: shape.signed ? 1 : 0,
  });
  setElement(ds, 'PixelData', bits === 8 ? 'OB' : 'OW', []);
  more.change?.(ds);
  const pixels = pixelsOf(shape);
  const path = join(folder, `${sopInstanceUid}.dcm`);
  await writePart10File(path, ds, more.transferSyntax ?? EXPLICIT, { bulk: { '7FE00010': bulkOf(pixels) } });
  return { path, pixels, sopInstanceUid };
}

/** A file's dataset bytes, without its meta header. */
export async function datasetBytes(path: string): Promise<Buffer> {
  const { datasetOffset } = await readHeader(path, { stopAtTag: '00080000' });
  return (await readFile(path)).subarray(datasetOffset);
}
