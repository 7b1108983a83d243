import type { PixelFormat } from './format.js';

/** Colour by pixel to colour by plane: PS3.3 C.7.6.3.1.3. */
export function toPlanes(bytes: Uint8Array, format: PixelFormat): Uint8Array {
  const out = new Uint8Array(bytes.length);
  eachByte(format, (plane, woven) => {
    out[plane] = bytes[woven]!;
  });
  return out;
}

/** Colour by plane to colour by pixel. */
export function fromPlanes(bytes: Uint8Array, format: PixelFormat): Uint8Array {
  const out = new Uint8Array(bytes.length);
  eachByte(format, (plane, woven) => {
    out[woven] = bytes[plane]!;
  });
  return out;
}

/** Where each byte of a frame stands in either layout. */
function eachByte(
  { rows, columns, samplesPerPixel, bitsAllocated }: PixelFormat,
  visit: (plane: number, woven: number) => void,
): void {
  const size = bitsAllocated / 8;
  const pixels = rows * columns;
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let sample = 0; sample < samplesPerPixel; sample++) {
      const plane = (sample * pixels + pixel) * size;
      const woven = (pixel * samplesPerPixel + sample) * size;
      for (let byte = 0; byte < size; byte++) visit(plane + byte, woven + byte);
    }
  }
}
