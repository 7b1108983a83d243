import { ScannerError } from '../../../hal/base/errors.js';
import { type Dataset, dataset, setElement } from '../dataset/dataset.js';
import { PRINT, type PrintColor } from './print-attributes.js';

/** Pixels of one image box: unsigned, row by row; colour by pixel as R, G, B. 12 bits stand in 16, little endian. */
export interface PrintImage {
  rows: number;
  columns: number;
  bitsStored: 8 | 12;
  pixels: Uint8Array;
}

/** Larger than any film at the finest pixel size, and what one message may hold in memory: bytes. */
const MAX_PIXEL_BYTES = 512 * 1024 * 1024;

/**
 * Attributes of the N-SET that fills an image box: statement Tables 41 and 43.
 * @throws ScannerError data.invalid when size, depth and pixels do not belong together, limit.size
 */
export function imageBoxDataset(color: PrintColor, position: number, image: PrintImage): Dataset {
  const { samples, photometric, stored, sequence } = PRINT.images[color];
  const { rows, columns, bitsStored, pixels } = image;
  const wrong = (what: string, got: unknown, expected: string) => {
    throw new ScannerError('data.invalid', { what, message: `${got}; expected ${expected}` });
  };
  const dimension = (value: number) => Number.isInteger(value) && value >= 1 && value <= 0xffff;
  if (!dimension(rows)) wrong('Rows', rows, '1 to 65535');
  if (!dimension(columns)) wrong('Columns', columns, '1 to 65535');
  if (!stored.includes(bitsStored)) wrong('BitsStored', bitsStored, stored.join(' or '));
  if (!Number.isInteger(position) || position < 1) wrong('ImageBoxPosition', position, 'a whole number from 1');
  const allocated = bitsStored > 8 ? 16 : 8;
  const expected = rows * columns * samples * (allocated / 8);
  if (expected > MAX_PIXEL_BYTES) {
    throw new ScannerError('limit.size', { what: 'pixels of a film', value: expected, max: MAX_PIXEL_BYTES });
  }
  if (pixels.length !== expected) wrong('PixelData', `${pixels.length} bytes`, `${expected} bytes`);
  const item = dataset({
    SamplesPerPixel: samples,
    PhotometricInterpretation: photometric,
    ...(samples > 1 && { PlanarConfiguration: 0 }),
    Rows: rows,
    Columns: columns,
    PixelAspectRatio: [1, 1],
    BitsAllocated: allocated,
    BitsStored: bitsStored,
    HighBit: bitsStored - 1,
    PixelRepresentation: 0,
  });
  setElement(item, 'PixelData', allocated === 16 ? 'OW' : 'OB', [pixels]);
  return dataset({ ImageBoxPosition: position, [sequence]: [item] });
}
