/** Phantoms as the kernels of the simulated detectors read them. */

import { expectArgument, type KernelOptions, runKernel } from './addon.js';

/** Kinds of a flattened shape, as the kernels number them. */
export const SHAPE_KINDS = { ellipsoid: 0, cylinder: 1, box: 2 } as const;

/** Half-spaces that may cut one shape. */
export const MAX_CLIPS = 8;
/** Materials that one phantom may hold. */
export const MAX_MATERIALS = 16;

/** A phantom as typed arrays, patient mm. The later shape wins where shapes overlap; outside all of them is air without activity. */
export interface FlatPhantom {
  /** [shape], of SHAPE_KINDS. */
  kinds: Int32Array;
  /** [shape][12]: centre, then three orthogonal half-axis vectors; a cylinder's third runs along its length. */
  frames: Float64Array;
  /** [clip][4]: unit normal n and d; kept is n . p <= d. */
  clips: Float64Array;
  /** [shape + 1], into `clips`. */
  clipStart: Int32Array;
  /** [shape], index into `materialNames`. */
  materials: Int32Array;
  /** [shape] Bq/ml at the phantom's reference time. */
  activity: Float64Array;
  materialNames: string[];
}

/** @throws ScannerError native.argument */
export function checkPhantom(kernel: string, p: FlatPhantom): void {
  const shapes = p.kinds.length;
  const fits =
    p.frames.length === 12 * shapes &&
    p.clipStart.length === shapes + 1 &&
    p.materials.length === shapes &&
    p.activity.length === shapes &&
    p.clips.length === 4 * (p.clipStart[shapes] ?? -1);
  expectArgument(kernel, 'phantom', fits, 'arrays of different lengths', 'the answer of flattenPhantom()');
  const known = p.materials.every((m) => m >= 0 && m < p.materialNames.length);
  expectArgument(kernel, 'phantom.materials', known, 'an unknown material', 'indices into materialNames');
  const few = p.materialNames.length <= MAX_MATERIALS;
  expectArgument(kernel, 'phantom.materialNames', few, p.materialNames.length, `at most ${MAX_MATERIALS}`);
  const cut = p.clipStart.every(
    (start, i) => i === 0 || (start >= p.clipStart[i - 1]! && start - p.clipStart[i - 1]! <= MAX_CLIPS),
  );
  expectArgument(kernel, 'phantom.clipStart', cut, 'a bad row', `rising, at most ${MAX_CLIPS} a shape`);
  expectArgument(kernel, 'phantom.frames', p.frames.every(Number.isFinite), 'not finite', 'finite numbers');
}

/** @throws ScannerError native.argument */
export function checkSeed(kernel: string, what: string, value: number): void {
  expectArgument(kernel, what, Number.isSafeInteger(value) && value >= 0, value, 'a whole number from 0');
}

/** Voxels, distances of their middles and the first one's middle along x, y and z, mm. */
interface Grid {
  size: readonly [number, number, number];
  spacing: readonly [number, number, number];
  origin: readonly [number, number, number];
}

/** A phantom on a grid, [z][y][x]. */
export interface PaintedPhantom {
  /** Index of the shape that the voxel's middle lies in, -1 outside of all. */
  shapes: Int16Array;
  /** 1 where the activity is the same all around at the margin. */
  core: Uint8Array;
}

const MOST_SHAPES = 32_767;
const MOST_VOXELS = 1e9;

/**
 * The same for any number of threads.
 * @throws ScannerError native.argument, native.failed, timeout.aborted
 */
export async function paintPhantom(
  { phantom, grid, marginMm }: { phantom: FlatPhantom; grid: Grid; marginMm: number },
  run: KernelOptions = {},
): Promise<PaintedPhantom> {
  const kernel = 'paintPhantom';
  checkPhantom(kernel, phantom);
  expectArgument(kernel, 'phantom', phantom.kinds.length <= MOST_SHAPES, phantom.kinds.length, `up to ${MOST_SHAPES}`);
  const [nx, ny, nz] = grid.size;
  const voxels = nx * ny * nz;
  const sizeOk = grid.size.every((n) => Number.isInteger(n) && n > 0) && voxels <= MOST_VOXELS;
  expectArgument(kernel, 'size', sizeOk, grid.size, `whole numbers above 0, up to ${MOST_VOXELS} voxels`);
  expectArgument(
    kernel,
    'spacing',
    grid.spacing.every((s) => s > 0 && s < 1e4),
    grid.spacing,
    'above 0, mm',
  );
  expectArgument(kernel, 'origin', grid.origin.every(Number.isFinite), grid.origin, 'finite numbers');
  expectArgument(kernel, 'marginMm', marginMm >= 0 && marginMm < 1e4, marginMm, '0 or more');
  const painted = { shapes: new Int16Array(voxels), core: new Uint8Array(voxels) };
  const place = { origin: Float64Array.from(grid.origin), spacing: Float64Array.from(grid.spacing), marginMm };
  await runKernel(kernel, { ...phantom, ...place, nx, ny, nz, ...painted }, run);
  return painted;
}
