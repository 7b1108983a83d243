/** PET kernels: list mode to counts, projections, and OSEM. Geometry and conventions: `native/pet/geometry.h`. */

import { expectArgument, type KernelOptions, runKernel } from './addon.js';
import { PET, type PetMatrix } from './petgeometry.js';
import { filterArguments, type PetFilter } from './petvolume.js';

export interface FrameScan {
  /** Words of the frame: [firstWord, endWord). */
  firstWord: number;
  endWord: number;
  prompts: number;
  delayeds: number;
  timeTags: number;
  singlesTags: number;
  otherTags: number;
  /** Words that mean nothing: skipped. Time tags that run backwards are among them. */
  corrupt: number;
  backwardTags: number;
  /** Jumps of more than 1 ms between time tags, and the milliseconds that they leave out. */
  gaps: number;
  missingMs: number;
  /** First and last time tag of the frame, -1 without any. */
  firstMs: number;
  lastMs: number;
  /** Mean value of the singles tags of each block, unscaled. */
  singles: Float64Array;
}

/**
 * Finds a time frame in list-mode words and counts what it holds. An event belongs to the last time tag before it.
 * @param frame [startMs, endMs) of the time tags; absent: everything
 */
export async function scanListmode(
  options: { words: Uint32Array; startMs?: number; endMs?: number },
  run?: KernelOptions,
): Promise<FrameScan> {
  const { words, startMs = 0, endMs = 0x2000_0000 } = options;
  expectArgument('petScan', 'frame', startMs >= 0 && endMs > startMs, `${startMs}..${endMs}`, '0 <= startMs < endMs');
  const summary = new Float64Array(13);
  const singles = new Float64Array(PET.blocks);
  await runKernel('petScan', { words, startMs, endMs, summary, singles }, run);
  const names = [
    'firstWord',
    'endWord',
    'prompts',
    'delayeds',
    'timeTags',
    'singlesTags',
    'otherTags',
    'corrupt',
    'backwardTags',
    'gaps',
    'missingMs',
    'firstMs',
    'lastMs',
  ] as const;
  const fields = Object.fromEntries(names.map((name, i) => [name, summary[i]])) as Omit<FrameScan, 'singles'>;
  return { ...fields, singles };
}

/** Dense sinograms [plane 621][angle 168][radial 400], counts; prompts [tof 13] first when asked for. Cells stop at 32767. */
export interface Sinograms {
  prompts: Int16Array;
  delayeds: Int16Array;
}

/**
 * Bins the events of one frame's words (`words.subarray(scan.firstWord, scan.endWord)`) into dense sinograms:
 * 83 MB each, prompts 1.08 GB with time of flight. Adds to `into` when given.
 */
export async function histogramListmode(
  options: { words: Uint32Array; tof?: boolean; into?: Sinograms },
  run?: KernelOptions,
): Promise<Sinograms> {
  const { words, tof = false } = options;
  const size = PET.bins * (tof ? PET.tofBins : 1);
  const { prompts, delayeds } = options.into ?? { prompts: new Int16Array(size), delayeds: new Int16Array(PET.bins) };
  expectArgument('petBin', 'into.prompts', prompts.length === size, prompts.length, `${size} cells`);
  expectArgument('petBin', 'into.delayeds', delayeds.length === PET.bins, delayeds.length, `${PET.bins} cells`);
  await runKernel('petBin', { words, tof, prompts, delayeds }, run);
  return { prompts, delayeds };
}

/** Prompts as a sorted list: what OSEM reads. */
export interface SparseSinogram {
  /** Cells are plane * 13 + tof when true, else plane. */
  tof: boolean;
  /** Cells of line (angle * 400 + radial) are [lineStart[line], lineStart[line + 1]), ascending, each once. */
  lineStart: Uint32Array;
  cells: Uint16Array;
  counts: Uint16Array;
}

/** Sorts the prompts of one frame's words into distinct bins with counts. */
export async function sortListmode(
  options: { words: Uint32Array; prompts: number; tof?: boolean },
  run?: KernelOptions,
): Promise<SparseSinogram> {
  const { words, prompts, tof = true } = options;
  const lineStart = new Uint32Array(PET.angles * PET.radials + 1);
  const cells = new Uint16Array(prompts);
  const counts = new Uint16Array(prompts);
  await runKernel('petSort', { words, tof, lineStart, cells, counts }, run);
  const used = lineStart.at(-1)!;
  return { tof, lineStart, cells: cells.subarray(0, used), counts: counts.subarray(0, used) };
}

/** Component efficiencies (they multiply counts). */
export interface PetNormalisation {
  /** [crystal 672][ring 55], 0 for virtual crystals. */
  crystals: Float32Array;
  /** [radial 400] */
  geometric: Float32Array;
  /** [plane 621] */
  axial: Float32Array;
}

/**
 * Component normalisation from the dense sinogram of a uniform cylinder on the axis, longer than the rings, that hardly
 * attenuates, randoms subtracted. Radial bins outside it get a geometric factor of 1.
 * @returns also the counts a mm of line and unit of efficiency
 */
export async function fitPetNormalisation(
  options: { prompts: Int16Array; radiusMm: number; iterations?: number },
  run?: KernelOptions,
): Promise<PetNormalisation & { countsPerMm: number }> {
  const { prompts, radiusMm, iterations = 14 } = options;
  expectArgument('petFit', 'prompts', prompts.length === PET.bins, prompts.length, `${PET.bins} cells`);
  expectArgument('petFit', 'radiusMm', radiusMm > 20 && radiusMm < 400, radiusMm, '20 to 400 mm');
  expectArgument('petFit', 'iterations', Number.isInteger(iterations) && iterations > 3, iterations, 'above 3');
  const fit = {
    crystals: new Float32Array(PET.crystals * PET.rings),
    geometric: new Float32Array(PET.radials),
    axial: new Float32Array(PET.planes),
  };
  const report = new Float64Array(1);
  await runKernel('petFit', { prompts, radiusMm, iterations, ...fit, report }, run);
  return { ...fit, countsPerMm: report[0]! };
}

export interface PetReconOptions {
  matrix: PetMatrix;
  /** `backprojection` inverts directly and needs `rebinned`; iterations and subsets are of OSEM alone. */
  algorithm: 'osem' | 'backprojection';
  /** Lines of small ring difference to the slices that they cross on the axis, the others left out: 2D. */
  rebinned: boolean;
  iterations: number;
  /** A divisor of 168, at most 24. */
  subsets: number;
  events: SparseSinogram;
  /** Timing resolution, ps FWHM. */
  tofFwhmPs: number;
  /** Point spread of the detectors that OSEM's model contains, mm FWHM; 0: none. */
  psfFwhmMm: number;
  filter: PetFilter;
  /** Image value = scale x counts a mm of line. */
  scale: number;
  /** Attenuation at 511 keV, 1/mm, [slice 109][200][200]; absent: not corrected. */
  mu?: Float32Array;
  normalisation: PetNormalisation;
  /** Randoms: their number (delayed events) and relative singles rates [crystal 672][ring 55], 0 for virtual crystals. */
  randoms?: { delayeds: number; singles: Float32Array };
}

export interface PetImage {
  /** [slice 109][matrix][matrix] */
  data: Float32Array;
  /** Prompts in bins that no real crystal pair feeds: left out. */
  impossible: number;
}

/** Reconstructs one bed. Corrected for what the options hold; the answer does not depend on the number of threads. */
export async function reconstructPet(options: PetReconOptions, run?: KernelOptions): Promise<PetImage> {
  checkBed(options);
  const { events, normalisation, randoms, filter, algorithm, ...rest } = options;
  const data = new Float32Array(PET.slices * options.matrix ** 2);
  const report = new Float64Array(1);
  const singles = randoms?.singles ?? new Float32Array(0);
  const delayeds = randoms?.delayeds ?? 0;
  const kernel = algorithm === 'osem' ? 'petOsem' : 'petBackprojection';
  const how = { ...rest, ...filterArguments(kernel, filter), singles, delayeds };
  await runKernel(kernel, { ...how, ...events, ...normalisation, image: data, report }, run);
  return { data, impossible: report[0]! };
}

function checkBed(o: PetReconOptions): void {
  const expect = (what: string, ok: boolean, got: unknown, expected: string) =>
    expectArgument('petOsem', what, ok, got, expected);
  const crystals = PET.crystals * PET.rings;
  expect('matrix', o.matrix === 200 || o.matrix === 400, o.matrix, '200 or 400');
  expect('iterations', Number.isInteger(o.iterations) && o.iterations > 0, o.iterations, 'a whole number above 0');
  const divides = Number.isInteger(o.subsets) && o.subsets > 0 && PET.angles % o.subsets === 0 && o.subsets <= 24;
  expect('subsets', divides, o.subsets, 'a divisor of 168, at most 24');
  expect('tofFwhmPs', o.tofFwhmPs > 50 && o.tofFwhmPs < 5000, o.tofFwhmPs, '50 to 5000 ps');
  expect('psfFwhmMm', o.psfFwhmMm >= 0 && o.psfFwhmMm <= 20, o.psfFwhmMm, '0 to 20 mm');
  expect('rebinned', o.rebinned || o.algorithm === 'osem', o.rebinned, 'true for backprojection');
  expect('scale', Number.isFinite(o.scale) && o.scale > 0, o.scale, 'above 0');
  expectEvents('petOsem', o.events);
  const { normalisation: n, mu, randoms } = o;
  expect('counts', o.events.counts.length === o.events.cells.length, o.events.counts.length, 'one a cell');
  expect('normalisation.crystals', n.crystals.length === crystals, n.crystals.length, `${crystals} values`);
  expect('normalisation.geometric', n.geometric.length === PET.radials, n.geometric.length, `${PET.radials} values`);
  expect('normalisation.axial', n.axial.length === PET.planes, n.axial.length, `${PET.planes} values`);
  expect('mu', !mu || mu.length === PET.slices * 200 * 200, mu?.length, '109 x 200 x 200 values');
  expect(
    'randoms.singles',
    !randoms || randoms.singles.length === crystals,
    randoms?.singles.length,
    `${crystals} values`,
  );
}

/** Lengths only: the kernels walk through the cells themselves, off the event loop. */
function expectEvents(kernel: string, { lineStart }: Omit<SparseSinogram, 'counts'>): void {
  const lines = PET.angles * PET.radials;
  expectArgument(kernel, 'lineStart', lineStart.length === lines + 1, lineStart.length, `${lines + 1} entries`);
}

export interface ProjectOptions {
  matrix: PetMatrix;
  bins: Omit<SparseSinogram, 'counts'>;
  tofFwhmPs: number;
}

/** Line integrals (mm x value; weighted by the time-of-flight bin) of the cells of `bins` through image [109][matrix][matrix]. */
export async function forwardPet(
  options: ProjectOptions & { image: Float32Array },
  run?: KernelOptions,
): Promise<Float32Array> {
  const { bins, ...rest } = options;
  expectEvents('petForward', bins);
  const size = PET.slices * options.matrix ** 2;
  expectArgument('petForward', 'image', options.image.length === size, options.image.length, `${size} values`);
  const values = new Float32Array(bins.cells.length);
  await runKernel('petForward', { ...rest, ...bins, values }, run);
  return values;
}

/** Adjoint of {@link forwardPet}. */
export async function backprojectPet(
  options: ProjectOptions & { values: Float32Array },
  run?: KernelOptions,
): Promise<Float32Array> {
  const { bins, ...rest } = options;
  expectEvents('petBack', bins);
  const expected = bins.cells.length;
  expectArgument('petBack', 'values', options.values.length === expected, options.values.length, `${expected} values`);
  const image = new Float32Array(PET.slices * options.matrix ** 2);
  await runKernel('petBack', { ...rest, ...bins, image }, run);
  return image;
}
