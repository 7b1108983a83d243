import { readTable } from '../hal/base/table.js';
import { expectArgument, type KernelOptions, runKernel } from './addon.js';
import { CT_CHANNELS, type CtTrace, coverage, expectTrace, reconstructableRange } from './cttrace.js';

export { CT_CHANNELS, type CtTrace, expectTrace, reconstructableRange } from './cttrace.js';

/** Shape of a reconstruction kernel: spatial frequency of modulation 0.5 and 0.1, line pairs per cm. */
export interface CtKernelShape {
  half: number;
  tenth: number;
}

const KERNELS = readTable<{ kernels: Record<string, CtKernelShape> }>(import.meta.url, './ct/kernels.json').kernels;

/** Names of the reconstruction kernels, e.g. `B31f`. */
export function ctKernelNames(): string[] {
  return Object.keys(KERNELS);
}

export interface CtOptions extends CtTrace {
  /** [reading][row][channel] detector words: 4096 x (-ln(I/I0)) + 1024. */
  readings: Uint16Array;
  /** Polynomial that makes water linear: p' = a1 p + a2 p^2 + ..., one to six terms. */
  coefficients: readonly number[];
  /** What water then measures, 1/mm. */
  muWaterPerMm: number;
  /** Slice centres, patient mm, in any order. */
  sliceZ: readonly number[] | Float64Array;
  /** Full width at half maximum of the slice profile, at least `rowPitchMm`. */
  thicknessMm: number;
  /** Pixels a side; 512 when absent. */
  matrix?: number;
  fovMm: number;
  /** Middle of the image, patient mm. */
  centreXMm: number;
  centreYMm: number;
  /** A name of `ctKernelNames()`; `B31f` when absent. */
  kernel?: string;
}

/**
 * Spiral or sequence CT by weighted rebinning and filtered backprojection.
 * @returns Float32 [slice][y][x], HU; pixels outside the scan field are -1024
 * @throws ScannerError native.argument (naming the reconstructable z range when a slice lies outside), timeout.aborted
 */
export async function reconstructCt(options: CtOptions, run: KernelOptions = {}): Promise<Float32Array> {
  const what = 'reconstructCt';
  const matrix = options.matrix ?? 512;
  const name = options.kernel ?? 'B31f';
  const { coefficients, muWaterPerMm: muWater, thicknessMm, rowPitchMm, fovMm } = options;
  expectTrace(what, options);
  expectReadings(what, options.readings, options.angles.length * options.rows * CT_CHANNELS);
  const kernel = Object.hasOwn(KERNELS, name) ? KERNELS[name] : undefined;
  expectArgument(what, 'kernel', kernel !== undefined, name, ctKernelNames().join(', '));
  const terms = Array.isArray(coefficients) ? coefficients : [];
  const termsOk = terms.length > 0 && terms.length <= 6 && terms.every(Number.isFinite);
  expectArgument(what, 'coefficients', termsOk, coefficients, '1 to 6 numbers (water calibration)');
  expectArgument(what, 'muWaterPerMm', muWater > 0 && muWater < 1, muWater, 'water calibration, 1/mm in 0 to 1');
  expectArgument(
    what,
    'thicknessMm',
    thicknessMm >= rowPitchMm && thicknessMm <= 100,
    thicknessMm,
    `${rowPitchMm} to 100`,
  );
  expectArgument(what, 'matrix', Number.isInteger(matrix) && matrix >= 16 && matrix <= 2048, matrix, '16 to 2048');
  expectArgument(what, 'fovMm', fovMm >= 10 && fovMm <= 1000, fovMm, '10 to 1000');
  for (const key of ['centreXMm', 'centreYMm'] as const)
    expectArgument(what, key, Math.abs(options[key]) <= 400, options[key], '-400 to 400');
  const sliceZ = Float64Array.from(options.sliceZ);
  expectSlices(what, sliceZ, options);
  const out = new Float32Array(sliceZ.length * matrix * matrix);
  const job = {
    ...options,
    matrix,
    sliceZ,
    coefficients: Float64Array.from(terms),
    halfPerMm: kernel.half / 10,
    tenthPerMm: kernel.tenth / 10,
    out,
  };
  await runKernel('reconstructCt', job, run);
  return out;
}

export interface TopogramOptions extends CtTrace {
  readings: Uint16Array;
  /** Image pixel, mm at the isocentre, both ways; 1 when absent. */
  pixelMm?: number;
  /** Image width, mm; 512 when absent. */
  widthMm?: number;
}

/** A scout image: row 0 at the head, columns across the beam through the isocentre. */
export interface Topogram {
  /** [row][column], line integral -ln(I/I0). */
  data: Float32Array;
  width: number;
  height: number;
  pixelMm: number;
  /** Centre of pixel (0, 0), patient mm. */
  origin: [number, number, number];
  /** Direction of a growing column, then of a growing row, patient coordinates. */
  orientation: [number, number, number, number, number, number];
}

/**
 * Image of a scan with a standing gantry and a moving table.
 * @throws ScannerError native.argument
 */
export async function topogram(options: TopogramOptions, run: KernelOptions = {}): Promise<Topogram> {
  const what = 'topogram';
  const pixelMm = options.pixelMm ?? 1;
  const widthMm = options.widthMm ?? 512;
  expectTrace(what, options);
  expectReadings(what, options.readings, options.angles.length * options.rows * CT_CHANNELS);
  expectArgument(what, 'pixelMm', pixelMm >= 0.2 && pixelMm <= 10, pixelMm, '0.2 to 10');
  expectArgument(what, 'widthMm', widthMm >= 10 && widthMm <= 1000, widthMm, '10 to 1000');
  const { sourceZ } = options;
  const angle = options.angles[0]!;
  const turned = options.angles.some((a) => Math.abs(Math.sin((a - angle) / 2)) > 0.005);
  expectArgument(what, 'angles', !turned, 'a turning gantry', 'one angle, within 0.01 rad');
  const headZ = Math.max(sourceZ[0]!, sourceZ[sourceZ.length - 1]!);
  const feetZ = Math.min(sourceZ[0]!, sourceZ[sourceZ.length - 1]!);
  const width = Math.round(widthMm / pixelMm);
  const height = Math.floor((headZ - feetZ) / pixelMm + 1e-6) + 1;
  // columns grow toward patient left or posterior: a ray of fan angle g passes the axis at -R sin(g)
  const across = [Math.cos(angle), Math.sin(angle)] as const;
  const sign = (Math.abs(across[0]) > Math.abs(across[1]) ? across[0] : across[1]) < 0 ? -1 : 1;
  const row = [sign * across[0], sign * across[1]] as const;
  const out = new Float32Array(width * height);
  const job = { ...options, firstZ: headZ, stepZ: -pixelMm, pixelMm, width, height, columnSign: -sign, out };
  await runKernel('topogram', job, run);
  const left = -((width - 1) / 2) * pixelMm;
  return {
    data: out,
    width,
    height,
    pixelMm,
    origin: [left * row[0], left * row[1], headZ],
    orientation: [row[0], row[1], 0, 0, 0, -1],
  };
}

function expectReadings(kernel: string, readings: Uint16Array, words: number): void {
  const ok = readings instanceof Uint16Array && readings.length === words;
  expectArgument(kernel, 'readings', ok, `${readings?.length} words`, `Uint16Array of ${words} words`);
}

/**
 * Checks that every slice can be reconstructed.
 * @throws ScannerError native.argument, naming the reconstructable range
 */
export function expectSlices(
  kernel: string,
  sliceZ: ArrayLike<number>,
  trace: CtTrace & { thicknessMm: number },
): void {
  expectArgument(kernel, 'sliceZ', sliceZ.length > 0 && sliceZ.length <= 10_000, sliceZ.length, '1 to 10000 slices');
  if (Array.from(sliceZ).every(coverage(trace))) return;
  const range = reconstructableRange(trace);
  expectArgument(kernel, 'readings', range !== undefined, 'too short', '230 degrees of readings of some slice');
  const text = `within ${range.fromZ.toFixed(2)} to ${range.toZ.toFixed(2)} mm, the reconstructable range`;
  for (const z of Array.from(sliceZ)) expectArgument(kernel, 'sliceZ', range.covers(z), z, text);
}
