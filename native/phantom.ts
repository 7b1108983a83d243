/** Phantoms as the kernels of the simulated detectors read them. */

import { expectArgument } from './addon.js';

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

/**
 * For each of some points the shape that it lies in, -1 outside of all: what `flattenPhantom` says of it, in plain words.
 * @param points [point][3], patient mm
 */
export function shapesAt(p: FlatPhantom, points: Float64Array): Int32Array {
  const found = new Int32Array(points.length / 3).fill(-1);
  for (let i = 0; i < found.length; i++) {
    const [x, y, z] = [points[3 * i]!, points[3 * i + 1]!, points[3 * i + 2]!];
    for (let s = p.kinds.length - 1; s >= 0 && found[i]! < 0; s--) if (isInside(p, s, x, y, z)) found[i] = s;
  }
  return found;
}

function isInside(p: FlatPhantom, s: number, x: number, y: number, z: number): boolean {
  const f = 12 * s;
  const [dx, dy, dz] = [x - p.frames[f]!, y - p.frames[f + 1]!, z - p.frames[f + 2]!];
  // the point in units of the half axes
  const along = (k: number) => {
    const at = f + 3 * k;
    const [ax, ay, az] = [p.frames[at]!, p.frames[at + 1]!, p.frames[at + 2]!];
    return (dx * ax + dy * ay + dz * az) / (ax * ax + ay * ay + az * az);
  };
  const [a, b, c] = [along(1), along(2), along(3)];
  const kind = p.kinds[s]!;
  if (kind === SHAPE_KINDS.ellipsoid && a * a + b * b + c * c > 1) return false;
  if (kind === SHAPE_KINDS.cylinder && (a * a + b * b > 1 || Math.abs(c) > 1)) return false;
  if (kind === SHAPE_KINDS.box && Math.max(Math.abs(a), Math.abs(b), Math.abs(c)) > 1) return false;
  for (let clip = p.clipStart[s]!; clip < p.clipStart[s + 1]!; clip++) {
    const [nx, ny, nz, d] = [0, 1, 2, 3].map((k) => p.clips[4 * clip + k]!) as [number, number, number, number];
    if (nx * x + ny * y + nz * z > d) return false;
  }
  return true;
}
