/** Detectors of the simulated scanner: bindings of `native/physics`. */

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

/** CT detector and source (Definition AS class): 736 channels on an arc with a quarter-channel offset. */
export const CT_GEOMETRY = {
  channels: 736,
  readingsPerRotation: 1152,
  sourceRadiusMm: 595,
  detectorDistanceMm: 1085.6,
  channelPitchMm: 1.2858,
  channelAngle: 1.2858 / 1085.6,
  channelOffset: 0.25,
} as const;

export interface CtOptions {
  phantom: FlatPhantom;
  /** [material of the phantom][energy] 1/mm, relative to air. */
  attenuation: Float64Array;
  energiesKeV: Float64Array;
  /** Photons per energy, any scale. */
  spectrum: Float64Array;
  /** [reading] rad; 0 = source above the patient, growing toward patient left. */
  angles: Float64Array;
  /** [reading] patient mm. */
  sourceZ: Float64Array;
  /** [reading] photons that reach one detector element through air. */
  photons: Float64Array;
  rows: number;
  rowPitchMm: number;
  seed: number;
  /** Number of the first reading within its scan: calls with consecutive readings continue one stream of noise. */
  firstReading?: number;
  /** Standard deviation of a reading in photons of mean energy; 'none' leaves out electronic and quantum noise. */
  electronicNoise: number | 'none';
  /** [reading][row][channel]: clamp(round(4096 * -ln(I / air)) + 1024, 0, 65535). */
  out: Uint16Array;
}

function checkPhantom(kernel: string, p: FlatPhantom): void {
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

function checkSeed(kernel: string, what: string, value: number): void {
  expectArgument(kernel, what, Number.isSafeInteger(value) && value >= 0, value, 'a whole number from 0');
}

function checkScan(o: CtOptions): void {
  const readings = o.angles.length;
  const expected = `${readings}, as many as angles`;
  expectArgument('simulateCt', 'sourceZ.length', o.sourceZ.length === readings, o.sourceZ.length, expected);
  expectArgument('simulateCt', 'photons.length', o.photons.length === readings, o.photons.length, expected);
  for (const key of ['angles', 'sourceZ'] as const)
    expectArgument('simulateCt', key, o[key].every(Number.isFinite), 'not finite', 'finite numbers');
  const lit = o.photons.every((n) => n > 0 && n < 1e30);
  expectArgument('simulateCt', 'photons', lit, 'zero, negative or not finite', 'positive numbers');
  const rowsOk = Number.isInteger(o.rows) && o.rows >= 1 && o.rows <= 512;
  expectArgument('simulateCt', 'rows', rowsOk, o.rows, '1 to 512');
  expectArgument(
    'simulateCt',
    'rowPitchMm',
    o.rowPitchMm > 0 && o.rowPitchMm < 100,
    o.rowPitchMm,
    'above 0, below 100',
  );
  const size = readings * o.rows * CT_GEOMETRY.channels;
  expectArgument('simulateCt', 'out.length', o.out.length === size, o.out.length, String(size));
}

function checkSpectrum(o: CtOptions): void {
  const energies = o.energiesKeV.length;
  expectArgument('simulateCt', 'energiesKeV', energies >= 1 && energies <= 256, energies, '1 to 256 energies');
  expectArgument('simulateCt', 'spectrum.length', o.spectrum.length === energies, o.spectrum.length, String(energies));
  const some = o.spectrum.every((n) => n >= 0) && o.spectrum.some((n) => n > 0) && o.energiesKeV.every((e) => e > 0);
  expectArgument('simulateCt', 'spectrum', some, 'negative or empty', 'photons at positive energies');
  const size = o.phantom.materialNames.length * energies;
  expectArgument('simulateCt', 'attenuation.length', o.attenuation.length === size, o.attenuation.length, String(size));
}

/**
 * Readings of a CT detector behind an analytic phantom: polychromatic transmission, energy-integrating detector, quantum and
 * electronic noise. The same for any number of threads; equal seeds give equal readings.
 * @throws ScannerError native.argument, native.failed, timeout.aborted
 */
export async function simulateCt(options: CtOptions, run: KernelOptions = {}): Promise<void> {
  checkPhantom('simulateCt', options.phantom);
  checkScan(options);
  checkSpectrum(options);
  checkSeed('simulateCt', 'seed', options.seed);
  checkSeed('simulateCt', 'firstReading', options.firstReading ?? 0);
  const noise = options.electronicNoise === 'none' ? -1 : options.electronicNoise;
  const noiseOk = options.electronicNoise === 'none' || (noise >= 0 && noise < 1e12);
  expectArgument('simulateCt', 'electronicNoise', noiseOk, options.electronicNoise, "photons from 0, or 'none'");
  const { phantom, energiesKeV, ...rest } = options;
  await runKernel(
    'simulateCt',
    {
      ...phantom,
      ...rest,
      energies: energiesKeV,
      firstReading: options.firstReading ?? 0,
      electronicNoise: noise,
      channels: CT_GEOMETRY.channels,
      sourceRadiusMm: CT_GEOMETRY.sourceRadiusMm,
      channelAngle: CT_GEOMETRY.channelAngle,
      channelOffset: CT_GEOMETRY.channelOffset,
    },
    run,
  );
}
