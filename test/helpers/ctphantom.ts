/** Analytic, monochromatic CT readings of cylinders and spheres: an oracle that shares no code with the product. */

const CHANNELS = 736;
const R = 595;
const D_GAMMA = 1.2858 / 1085.6;
/** z of the ends of a cylinder that is longer than any scan. */
export const ENDLESS = 1e4;

/** Attenuation is added where bodies overlap. */
export interface Body {
  x: number;
  y: number;
  radius: number;
  /** 1/mm, added to what is there. */
  mu: number;
  /** z range of a cylinder along z; a sphere when absent. */
  fromZ?: number;
  toZ?: number;
  /** Centre of a sphere. */
  z?: number;
}

export const MU_WATER = 0.0193;

export const waterCylinder = (radius: number): Body => ({
  x: 0,
  y: 0,
  radius,
  mu: MU_WATER,
  fromZ: -ENDLESS,
  toZ: ENDLESS,
});

export interface Scan {
  rows: number;
  rowPitchMm: number;
  readingsPerTurn?: number;
  turns: number;
  /** mm a turn, signed; 0 is a sequence rotation. */
  feedMm: number;
  startZ: number;
  startAngle?: number;
  /** A scout: the gantry stands here while `turns` of readings are made. */
  fixedAngle?: number;
}

export interface Readings {
  readings: Uint16Array;
  angles: Float64Array;
  sourceZ: Float64Array;
  rows: number;
  rowPitchMm: number;
}

/** Path length in a body of the ray from (sx, sy, sz) along (dx, dy, slope), dx and dy of unit length together. */
function chord(body: Body, sx: number, sy: number, sz: number, dx: number, dy: number, slope: number): number {
  const sphere = body.fromZ === undefined;
  const px = sx - body.x;
  const py = sy - body.y;
  const pz = sphere ? sz - (body.z ?? 0) : 0;
  const a = 1 + (sphere ? slope * slope : 0);
  const b = px * dx + py * dy + pz * slope * (sphere ? 1 : 0);
  const c = px * px + py * py + pz * pz - body.radius * body.radius;
  const root = b * b - a * c;
  if (root <= 0) return 0;
  let enter = (-b - Math.sqrt(root)) / a;
  let leave = (-b + Math.sqrt(root)) / a;
  if (!sphere) {
    if (Math.abs(slope) < 1e-12) {
      if (sz < body.fromZ! || sz > body.toZ!) return 0;
    } else {
      const z1 = (body.fromZ! - sz) / slope;
      const z2 = (body.toZ! - sz) / slope;
      enter = Math.max(enter, Math.min(z1, z2));
      leave = Math.min(leave, Math.max(z1, z2));
    }
  }
  return Math.max(0, leave - enter) * Math.sqrt(1 + slope * slope);
}

/** @param harden what the detector makes of a line integral, e.g. beam hardening */
export function scan(bodies: Body[], plan: Scan, harden: (p: number) => number = (p) => p): Readings {
  const perTurn = plan.readingsPerTurn ?? 1152;
  const count = Math.round(perTurn * plan.turns);
  const readings = new Uint16Array(count * plan.rows * CHANNELS);
  const angles = Float64Array.from(
    { length: count },
    (_, i) => plan.fixedAngle ?? (plan.startAngle ?? 0) + (2 * Math.PI * i) / perTurn,
  );
  const sourceZ = Float64Array.from({ length: count }, (_, i) => plan.startZ + (plan.feedMm * i) / perTurn);
  const slopes = Array.from({ length: plan.rows }, (_, r) => ((r - (plan.rows - 1) / 2) * plan.rowPitchMm) / R);
  for (let i = 0; i < count; i++) {
    const theta = angles[i]!;
    const sx = R * Math.sin(theta);
    const sy = -R * Math.cos(theta);
    for (let c = 0; c < CHANNELS; c++) {
      const phi = theta + (c - 367.5 + 0.25) * D_GAMMA;
      const dx = -Math.sin(phi);
      const dy = Math.cos(phi);
      // most rays miss most bodies, and cross endless ones alike in all rows
      let inPlane = 0;
      const near: Body[] = [];
      for (const body of bodies) {
        if (Math.abs((sx - body.x) * dy - (sy - body.y) * dx) >= body.radius) continue;
        if (body.toZ === ENDLESS) inPlane += body.mu * chord(body, sx, sy, 0, dx, dy, 0);
        else near.push(body);
      }
      for (let r = 0; r < plan.rows; r++) {
        const slope = slopes[r]!;
        let p = inPlane * Math.sqrt(1 + slope * slope);
        for (const body of near) p += body.mu * chord(body, sx, sy, sourceZ[i]!, dx, dy, slope);
        readings[(i * plan.rows + r) * CHANNELS + c] = Math.min(
          65535,
          Math.max(0, Math.round(4096 * harden(p)) + 1024),
        );
      }
    }
  }
  return { readings, angles, sourceZ, rows: plan.rows, rowPitchMm: plan.rowPitchMm };
}

/** Mean and standard deviation of a disc of an image [y][x] of `size` pixels, centre and radius in pixels. */
export function disc(image: Float32Array, size: number, cx: number, cy: number, radius: number) {
  let n = 0;
  let sum = 0;
  let squares = 0;
  for (let y = Math.ceil(cy - radius); y <= cy + radius; y++)
    for (let x = Math.ceil(cx - radius); x <= cx + radius; x++) {
      if ((x - cx) ** 2 + (y - cy) ** 2 > radius * radius) continue;
      const value = image[y * size + x]!;
      n++;
      sum += value;
      squares += value * value;
    }
  const mean = sum / n;
  return { mean, sd: Math.sqrt(Math.max(0, squares / n - mean * mean)) };
}
