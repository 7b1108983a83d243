/** Detectors of the simulated scanner: bindings of `native/physics`. */

import { expectArgument, type KernelOptions, runKernel } from './addon.js';
import { checkPhantom, checkSeed, type FlatPhantom } from './phantom.js';

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

/** Detector rings: numbers include one virtual crystal a block both ways, blocks do not. */
export const PET_RINGS = { rings: 55, crystals: 672, blocks: 192, fieldMm: 842 } as const;

export interface PetScene {
  phantom: FlatPhantom;
  /** [material of the phantom] 1/mm at 511 keV. */
  attenuation: Float64Array;
  /** [ring][crystal] chance that a photon which arrives is counted; 0 for virtual ones. */
  efficiencies: Float32Array;
  /** Patient z of the rings' centre. */
  petCentreZMm: number;
  positronBranching: number;
  seed: number;
}

/** Expected rates at the phantom's reference time. */
export interface PetRates {
  /** [192] counts per second of each block. */
  singles: Float64Array;
  /** Unscattered coincidences within the sinogram per second, of collinear photons. */
  truesPerSecond: number;
  /** Bound that the kernel thins its lines through extended activity against, pairs per second. */
  strongestLine: number;
}

export interface PetOptions extends PetScene {
  /** Of the same scene. */
  rates: PetRates;
  halfLifeSeconds: number;
  /** When the phantom's activity holds, on the clock of `startSeconds`. */
  referenceSeconds: number;
  /** Since the start of the list mode, whole milliseconds. */
  startSeconds: number;
  durationSeconds: number;
  /** FWHM of the difference of two arrival times. */
  tofFwhmPs: number;
  /** Full width of the coincidence window (2 tau). */
  windowPs: number;
  /** FWHM of the angle between the photons, less 180 degrees; 0 leaves them collinear. */
  noncollinearFwhmDegrees: number;
  /** Singles tags hold counts per second divided by this. */
  singlesScale: number;
  /** Between two singles tags of a block. */
  pollingSeconds: number;
}

export interface PetEvents {
  /** 32-bit list-mode words in time order: a time tag before the events of each millisecond. */
  words: Uint32Array;
  prompts: number;
  delayeds: number;
  trues: number;
  randoms: number;
  /** [192] singles counted by each block. */
  singles: Float64Array;
}

function checkScene(kernel: string, scene: PetScene): void {
  checkPhantom(kernel, scene.phantom);
  checkSeed(kernel, 'seed', scene.seed);
  const materials = scene.phantom.materialNames.length;
  const { attenuation, efficiencies, petCentreZMm, positronBranching } = scene;
  const known = attenuation.length === materials && attenuation.every((mu) => mu >= 0 && mu < 10);
  expectArgument(kernel, 'attenuation', known, attenuation, `${materials} values from 0`);
  const crystals = PET_RINGS.rings * PET_RINGS.crystals;
  const rated =
    efficiencies.length === crystals && efficiencies.every((e) => e >= 0 && e <= 1) && efficiencies.some((e) => e > 0);
  expectArgument(kernel, 'efficiencies', rated, `${efficiencies.length} values`, `${crystals} from 0 to 1, not all 0`);
  expectArgument(kernel, 'petCentreZMm', Number.isFinite(petCentreZMm), petCentreZMm, 'a finite number');
  const share = positronBranching > 0 && positronBranching <= 1;
  expectArgument(kernel, 'positronBranching', share, positronBranching, 'above 0, at most 1');
  checkBore(kernel, scene.phantom);
}

/** Active shapes must lie inside the detector rings: bounds of the half axes are enough. */
function checkBore(kernel: string, { kinds, frames, activity }: FlatPhantom): void {
  for (let i = 0; i < kinds.length; i++) {
    if (!(activity[i]! > 0)) continue;
    const f = frames.subarray(12 * i, 12 * i + 12);
    const off = Math.hypot(f[0]!, f[1]!);
    expectArgument(
      kernel,
      `centre of active shape ${i}`,
      off < PET_RINGS.fieldMm / 2,
      off,
      'inside the detector rings',
    );
  }
}

function checkTimes(o: PetOptions): void {
  const wholeMs = (s: number) => s >= 0 && Math.abs(s * 1000 - Math.round(s * 1000)) < 1e-6 && s < 536870;
  expectArgument('simulatePet', 'startSeconds', wholeMs(o.startSeconds), o.startSeconds, 'whole milliseconds from 0');
  expectArgument(
    'simulatePet',
    'durationSeconds',
    wholeMs(o.durationSeconds),
    o.durationSeconds,
    'whole milliseconds from 0',
  );
  expectArgument(
    'simulatePet',
    'pollingSeconds',
    wholeMs(o.pollingSeconds) && o.pollingSeconds >= 0.192,
    o.pollingSeconds,
    'whole milliseconds, at least 0.192',
  );
  expectArgument('simulatePet', 'halfLifeSeconds', o.halfLifeSeconds > 0, o.halfLifeSeconds, 'above 0');
  expectArgument(
    'simulatePet',
    'referenceSeconds',
    Number.isFinite(o.referenceSeconds),
    o.referenceSeconds,
    'a finite number',
  );
  for (const key of ['tofFwhmPs', 'noncollinearFwhmDegrees'] as const)
    expectArgument('simulatePet', key, o[key] >= 0 && o[key] < 1e5, o[key], 'from 0');
  for (const key of ['windowPs', 'singlesScale'] as const)
    expectArgument('simulatePet', key, o[key] > 0 && o[key] < 1e6, o[key], 'above 0');
  const { singles, truesPerSecond, strongestLine } = o.rates;
  const ok =
    singles.length === PET_RINGS.blocks &&
    singles.every((r) => r >= 0 && r < 1e9) &&
    truesPerSecond >= 0 &&
    strongestLine >= 0;
  expectArgument('simulatePet', 'rates', ok, singles.length, 'the answer of measurePetRates()');
}

function kernelScene({ phantom, petCentreZMm, attenuation, efficiencies, positronBranching, seed }: PetScene): object {
  return { ...phantom, attenuation, efficiencies, positronBranching, seed, centreZMm: petCentreZMm };
}

/**
 * Expected singles of each block and true coincidences, from half a million weighted histories (fixed by the seed).
 * @throws ScannerError native.argument, native.failed, timeout.aborted
 */
export async function measurePetRates(scene: PetScene, run: KernelOptions = {}): Promise<PetRates> {
  checkScene('measurePetRates', scene);
  const singles = new Float64Array(PET_RINGS.blocks);
  const trues = new Float64Array(2);
  await runKernel('measurePetRates', { ...kernelScene(scene), singles, trues }, run);
  return { singles, truesPerSecond: trues[0]!, strongestLine: trues[1]! };
}

const SIGMA_PER_FWHM = 1 / Math.sqrt(8 * Math.log(2));

/**
 * List mode of an active phantom: trues, randoms, delayeds, time and singles tags. The same for any number of threads; the words
 * of consecutive calls join to what one call would have given.
 * @throws ScannerError native.argument, native.failed, timeout.aborted
 */
export async function simulatePet(options: PetOptions, run: KernelOptions = {}): Promise<PetEvents> {
  checkScene('simulatePet', options);
  checkTimes(options);
  const { rates, startSeconds, durationSeconds, halfLifeSeconds, referenceSeconds } = options;
  const job = {
    ...kernelScene(options),
    singleRates: rates.singles,
    strongestLine: rates.strongestLine,
    halfLifeSeconds,
    referenceSeconds,
    startMs: Math.round(startSeconds * 1000),
    durationMs: Math.round(durationSeconds * 1000),
    timeSigmaPs: options.tofFwhmPs * SIGMA_PER_FWHM,
    windowPs: options.windowPs,
    noncollinearSigma: (options.noncollinearFwhmDegrees * SIGMA_PER_FWHM * Math.PI) / 180,
    singlesScale: options.singlesScale,
    pollingMs: Math.round(options.pollingSeconds * 1000),
  };
  const strength = 2 ** ((referenceSeconds - startSeconds) / halfLifeSeconds);
  const all = rates.singles.reduce((sum, r) => sum + r, 0) * strength;
  const perSecond = rates.truesPerSecond * strength + options.windowPs * 1e-12 * all * all + 1200;
  let capacity = Math.ceil(perSecond * durationSeconds * 1.05) + 20000;
  for (;;) {
    const words = new Uint32Array(capacity);
    const counts = new Float64Array(5);
    const singles = new Float64Array(PET_RINGS.blocks);
    await runKernel('simulatePet', { ...job, words, counts, singles }, run);
    const [used, prompts, delayeds, trues, randoms] = counts as unknown as [number, number, number, number, number];
    if (used <= capacity) return { words: words.subarray(0, used), prompts, delayeds, trues, randoms, singles };
    capacity = used;
  }
}
