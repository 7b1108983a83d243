/**
 * Plain fan-beam filtered backprojection of one full rotation and one row, as in Kak and Slaney 1988, section 3.4.1:
 * no rebinning, no vectors, no threads, and no line of the product's.
 */

const CHANNELS = 736;
const R = 595;
const D_GAMMA = 1.2858 / 1085.6;

export interface Rotation {
  /** [reading][row][channel], readings equally spaced over one turn. */
  readings: Uint16Array;
  angles: Float64Array;
  rows: number;
}

/** @returns HU [y][x] of a `matrix` x `matrix` image around the isocentre */
export function referenceSlice(
  data: Rotation,
  row: number,
  matrix: number,
  fovMm: number,
  muWater: number,
): Float32Array {
  const views = data.angles.length;
  const kernel = Float64Array.from({ length: CHANNELS }, (_, n) =>
    n === 0 ? 1 / (8 * D_GAMMA ** 2) : n % 2 ? -1 / (2 * (Math.PI * Math.sin(n * D_GAMMA)) ** 2) : 0,
  );
  const image = new Float64Array(matrix * matrix);
  const weighted = new Float64Array(CHANNELS);
  const filtered = new Float64Array(CHANNELS + 1);
  for (let view = 0; view < views; view++) {
    const first = (view * data.rows + row) * CHANNELS;
    for (let c = 0; c < CHANNELS; c++) {
      const p = (data.readings[first + c]! - 1024) / 4096;
      weighted[c] = p * R * Math.cos((c - 367.25) * D_GAMMA);
    }
    for (let c = 0; c < CHANNELS; c++) {
      let sum = 0;
      for (let k = 0; k < CHANNELS; k++) sum += weighted[k]! * kernel[Math.abs(c - k)]!;
      filtered[c] = sum * D_GAMMA;
    }
    spread(image, filtered, data.angles[view]!, matrix, fovMm / matrix);
  }
  const scale = (2 * Math.PI) / views / muWater;
  return Float32Array.from(image, (value) => 1000 * (value * scale - 1));
}

/** Backprojects one filtered view. */
function spread(image: Float64Array, filtered: Float64Array, theta: number, matrix: number, pixel: number): void {
  const [sin, cos] = [Math.sin(theta), Math.cos(theta)];
  for (let row = 0; row < matrix; row++)
    for (let column = 0; column < matrix; column++) {
      const dx = (column - (matrix - 1) / 2) * pixel - R * sin;
      const dy = (row - (matrix - 1) / 2) * pixel + R * cos;
      const gamma = Math.atan2(-dx * cos - dy * sin, dy * cos - dx * sin);
      const channel = Math.min(CHANNELS - 1, Math.max(0, gamma / D_GAMMA + 367.25));
      const low = Math.floor(channel);
      const value = filtered[low]! + (channel - low) * (filtered[low + 1]! - filtered[low]!);
      image[row * matrix + column]! += value / (dx * dx + dy * dy);
    }
}
