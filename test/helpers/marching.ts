/** Plain references for phantoms: is a point inside, and what does a ray cross, by small steps. Slow and obviously right. */

import type { Phantom, PhantomShape } from '../../sim/physics/phantom.js';

type Point = readonly [number, number, number];
const AXIS = { x: 0, y: 1, z: 2 } as const;

function insideBody(s: PhantomShape, [x, y, z]: Point): boolean {
  const p = [x - s.centreMm[0], y - s.centreMm[1], z - s.centreMm[2]] as const;
  switch (s.kind) {
    case 'sphere':
      return Math.hypot(...p) <= s.radiusMm;
    case 'ellipsoid':
      return Math.hypot(...p.map((v, k) => v / s.semiAxesMm[k]!)) <= 1;
    case 'box':
      return p.every((v, k) => Math.abs(v) <= s.sizeMm[k]! / 2);
    case 'cylinder': {
      if (typeof s.axis !== 'string' || typeof s.radiusMm !== 'number') throw new Error('not for this reference');
      const along = AXIS[s.axis];
      const across = Math.hypot(...p.filter((_, k) => k !== along));
      return across <= s.radiusMm && Math.abs(p[along]) <= s.lengthMm / 2;
    }
  }
}

/** The shape that wins at a point, or undefined in air. Clips along x, y or z only. */
export function shapeAt(phantom: Phantom, p: Point): PhantomShape | undefined {
  return phantom.shapes.findLast(
    (s) => insideBody(s, p) && s.clips.every((c) => c.sign * p[AXIS[c.normal as 'x' | 'y' | 'z']] <= c.offsetMm),
  );
}

/** Sum of weight(shape) over a ray from `p` along unit `d`, mm. */
export function march(
  phantom: Phantom,
  p: Point,
  d: Point,
  lengthMm: number,
  stepMm: number,
  weight: (s: PhantomShape) => number,
): number {
  let sum = 0;
  for (let t = stepMm / 2; t < lengthMm; t += stepMm) {
    const shape = shapeAt(phantom, [p[0] + t * d[0], p[1] + t * d[1], p[2] + t * d[2]]);
    if (shape) sum += weight(shape) * stepMm;
  }
  return sum;
}
