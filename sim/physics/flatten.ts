/** Phantoms as the typed arrays that kernels read. */

import { type FlatPhantom, SHAPE_KINDS } from '../../native/phantom.js';
import type { Direction, Phantom, PhantomShape } from './phantom.js';

type Vector = [number, number, number];

const AXES: Record<'x' | 'y' | 'z', Vector> = { x: [1, 0, 0], y: [0, 1, 0], z: [0, 0, 1] };

function unit(direction: Direction): Vector {
  if (typeof direction === 'string') return AXES[direction];
  const norm = Math.hypot(...direction);
  return [direction[0] / norm, direction[1] / norm, direction[2] / norm];
}

function cross(a: Vector, b: Vector): Vector {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function scaled(v: Vector, factor: number): Vector {
  return [v[0] * factor, v[1] * factor, v[2] * factor];
}

/** Two unit vectors across a cylinder's axis: the first along x, or along y for a cylinder about x. */
function across(axis: Vector): [Vector, Vector] {
  const reference = Math.abs(axis[0]) > 0.9 ? AXES.y : AXES.x;
  const along = reference[0] * axis[0] + reference[1] * axis[1] + reference[2] * axis[2];
  const first = unit([reference[0] - along * axis[0], reference[1] - along * axis[1], reference[2] - along * axis[2]]);
  return [first, cross(axis, first)];
}

function halfAxes(shape: PhantomShape): Vector[] {
  switch (shape.kind) {
    case 'sphere':
      return [AXES.x, AXES.y, AXES.z].map((axis) => scaled(axis, shape.radiusMm));
    case 'ellipsoid':
      return [AXES.x, AXES.y, AXES.z].map((axis, k) => scaled(axis, shape.semiAxesMm[k]!));
    case 'box':
      return [AXES.x, AXES.y, AXES.z].map((axis, k) => scaled(axis, shape.sizeMm[k]! / 2));
    case 'cylinder': {
      const axis = unit(shape.axis);
      const [first, second] = across(axis);
      const [a, b] = typeof shape.radiusMm === 'number' ? [shape.radiusMm, shape.radiusMm] : shape.radiusMm;
      return [scaled(first, a), scaled(second, b), scaled(axis, shape.lengthMm / 2)];
    }
  }
}

function kindOf(shape: PhantomShape): number {
  return SHAPE_KINDS[shape.kind === 'sphere' ? 'ellipsoid' : shape.kind];
}

export interface Placement {
  /** Moves the whole phantom, patient mm. */
  offsetMm?: readonly [number, number, number];
  /** Multiplies every activity. */
  activityScale?: number;
}

/** Typed arrays of a phantom for `simulateCt` and `simulatePet`. */
export function flattenPhantom(phantom: Phantom, place: Placement = {}): FlatPhantom {
  const [ox, oy, oz] = place.offsetMm ?? [0, 0, 0];
  const materialNames = [...new Set(phantom.shapes.map((s) => s.material))];
  const clips: number[] = [];
  const clipStart = [0];
  const frames: number[] = [];
  for (const shape of phantom.shapes) {
    const [cx, cy, cz] = shape.centreMm;
    frames.push(cx + ox, cy + oy, cz + oz, ...halfAxes(shape).flat());
    for (const clip of shape.clips) {
      const n = scaled(unit(clip.normal), clip.sign);
      clips.push(...n, clip.offsetMm + n[0] * ox + n[1] * oy + n[2] * oz);
    }
    clipStart.push(clips.length / 4);
  }
  return {
    kinds: Int32Array.from(phantom.shapes, kindOf),
    frames: Float64Array.from(frames),
    clips: Float64Array.from(clips),
    clipStart: Int32Array.from(clipStart),
    materials: Int32Array.from(phantom.shapes, (s) => materialNames.indexOf(s.material)),
    activity: Float64Array.from(phantom.shapes, (s) => s.activityBqPerMl * (place.activityScale ?? 1)),
    materialNames,
  };
}
