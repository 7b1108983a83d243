import { writeFile } from 'node:fs/promises';
import { PNG } from 'pngjs';
import { readTable } from '../../hal/base/table.js';
import { expectArgument } from '../../native/addon.js';
import { type PlaneGrid, samplePlane, windowBytes } from '../../native/pixel.js';
import type { Volume } from './volume.js';

type Colour = [number, number, number];
export type ColourMap = 'grey' | 'inverted' | 'hot';

const COLOURS = readTable<Record<ColourMap, Colour[]>>(import.meta.url, './preview-colours.json');

/** Values shown as the first and the last colour. */
export interface Window {
  low: number;
  high: number;
}

/** The window of a DICOM centre and width. */
export const windowOf = (center: number, width: number): Window => ({
  low: center - width / 2,
  high: center + width / 2,
});

/** An RGB picture, 3 bytes a pixel. */
export interface Picture {
  width: number;
  height: number;
  rgb: Uint8Array;
}

/** The pixel grid of the slice of `volume` nearest to patient z. */
export function sliceGrid(volume: Volume, z: number): PlaneGrid {
  const [dx, dy, dz] = volume.spacing;
  const slice = Math.min(volume.size[2] - 1, Math.max(0, Math.round((z - volume.origin[2]) / dz)));
  return {
    origin: [volume.origin[0], volume.origin[1], volume.origin[2] + slice * dz],
    columnStep: [dx, 0, 0],
    rowStep: [0, dy, 0],
    width: volume.size[0],
    height: volume.size[1],
  };
}

/** A volume cut along a grid, of its own or of another volume, and coloured. */
export async function slicePicture(volume: Volume, grid: PlaneGrid, window: Window, map: ColourMap): Promise<Picture> {
  const bytes = await cut(volume, grid, window);
  return { width: grid.width, height: grid.height, rgb: colour(bytes, map) };
}

/**
 * PET in hot colours over grey CT, both on `grid`; the overlay's opacity grows with its value up to `alpha`.
 * @throws ScannerError native.argument
 */
export async function fusionPicture(
  layers: { ct: Volume; ctWindow: Window; pet: Volume; petWindow: Window; alpha?: number },
  grid: PlaneGrid,
): Promise<Picture> {
  const alpha = layers.alpha ?? 0.7;
  expectArgument('fusionPicture', 'alpha', alpha >= 0 && alpha <= 1, alpha, '0 to 1');
  const below = colour(await cut(layers.ct, grid, layers.ctWindow), 'grey');
  const values = await cut(layers.pet, grid, layers.petWindow);
  const above = colour(values, 'hot');
  const rgb = new Uint8Array(below.length);
  for (let i = 0; i < rgb.length; i++) {
    // full opacity from half of the window on
    const opacity = alpha * Math.min(1, values[(i / 3) | 0]! / 128);
    rgb[i] = Math.round(below[i]! * (1 - opacity) + above[i]! * opacity);
  }
  return { width: grid.width, height: grid.height, rgb };
}

/** The picture as a PNG file's bytes. */
export function encodePng(picture: Picture): Promise<Buffer> {
  const { width, height, rgb } = picture;
  const png = new PNG({ width, height, colorType: 2, inputColorType: 2, inputHasAlpha: false });
  png.data = Buffer.from(rgb.buffer, rgb.byteOffset, rgb.byteLength);
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []; // pngjs gives a stream of the old kind, which nothing of node:stream reads
    png.on('error', reject);
    png.on('end', () => resolve(Buffer.concat(parts)));
    png.on('data', (part: Buffer) => parts.push(part));
    png.pack();
  });
}

export async function writePng(path: string, picture: Picture): Promise<void> {
  await writeFile(path, await encodePng(picture));
}

/** What `volume` has nothing of: air in CT, no activity in PET. */
const outsideOf = (volume: Volume) => (volume.unit === 'HU' ? -1024 : 0);

async function cut(volume: Volume, grid: PlaneGrid, window: Window): Promise<Uint8Array> {
  const values = await samplePlane(volume, grid, outsideOf(volume));
  return windowBytes(values, window.low, window.high);
}

function colour(bytes: Uint8Array, map: ColourMap): Uint8Array {
  const table = colourTable(COLOURS[map]);
  const rgb = new Uint8Array(bytes.length * 3);
  for (let i = 0; i < bytes.length; i++) {
    const entry = bytes[i]! * 3;
    rgb[3 * i] = table[entry]!;
    rgb[3 * i + 1] = table[entry + 1]!;
    rgb[3 * i + 2] = table[entry + 2]!;
  }
  return rgb;
}

/** 256 colours of a map, 3 bytes each. */
function colourTable(stops: Colour[]): Uint8Array {
  const table = new Uint8Array(768);
  for (let value = 0; value < 256; value++) {
    const at = (value / 255) * (stops.length - 1);
    const low = stops[Math.min(Math.floor(at), stops.length - 2)]!;
    const high = stops[Math.min(Math.floor(at), stops.length - 2) + 1]!;
    const share = at - Math.min(Math.floor(at), stops.length - 2);
    for (let c = 0; c < 3; c++) table[value * 3 + c] = Math.round(low[c]! + (high[c]! - low[c]!) * share);
  }
  return table;
}
