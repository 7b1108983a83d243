/** List mode of PET beds to a volume in Bq/ml (PROPCPS without attenuation correction), decay corrected to the start of the series. */

import { ScannerError } from '../../hal/base/errors.js';
import type { Kilovolt, Millimetre, Millisecond, Second } from '../../hal/base/units.js';
import type { KernelOptions } from '../../native/addon.js';
import { type FrameScan, reconstructPet, scanListmode, sortListmode } from '../../native/pet.js';
import { resampleVolume } from '../../native/petvolume.js';
import { convolutionKernel, type PetReconPlan, petMethod, reconstructionMethod } from '../protocol/petrecon.js';
import { makeMuMap } from './mumap.js';
import { combineBeds } from './petbeds.js';
import { type PetCalibration, singlesPerCrystal } from './petcalibration.js';
import { imageGrid, kernelMatrix, petGrid } from './petgrid.js';
import { partOf } from './petprogress.js';
import { type FrameTiming, frameTiming } from './pettiming.js';
import type { Volume } from './volume.js';

/** FWHM of the point spread that PSF methods model: nominal, near the published resolution on the axis. */
const PSF_FWHM_MM = 4;

/** List mode of one bed position and frame. */
export interface PetBed {
  words: Uint32Array;
  /** Patient z at the PET centre. */
  centreZ: Millimetre;
  /** Scanner time of time tag 0, ms since the epoch. */
  startedAt: Millisecond;
  seconds: Second;
  /** Part of the words to be used, ms of time tags; absent: all. */
  frame?: { startMs: Millisecond; endMs: Millisecond };
}

export interface PetJob {
  method: PetReconPlan;
  beds: readonly PetBed[];
  /** CT for attenuation and for slices to match; absent: the image is not attenuation corrected. */
  ct?: { volume: Volume; kv: Kilovolt };
  halfLifeSeconds: Second;
  positronFraction: number;
  /** Decay is corrected to here: scanner time, ms since the epoch. */
  seriesStart: Millisecond;
  calibration: PetCalibration;
}

export interface PetStatistics {
  prompts: number;
  /** Delayed events: the estimate of the randoms among the prompts. */
  randoms: number;
  trues: number;
  promptsPerSecond: number;
  truesPerSecond: number;
  corruptWords: number;
  /** Time that the tags leave out, ms. */
  missingMs: number;
  /** Prompts in bins that no working crystal pair feeds. */
  impossible: number;
}

export interface PetBedImage extends FrameTiming {
  /** On the kernel's grid: the whole field of view. */
  volume: Volume;
  startedAt: Millisecond;
  /** Time in which events were counted. */
  seconds: Second;
  statistics: PetStatistics;
  /** Part of the bed that the CT does not reach. */
  outsideCt: number;
}

export interface PetSeries {
  beds: PetBedImage[];
  volume: Volume;
  /** For each slice of `volume` the index of the bed that weighs most. */
  bedOfSlice: number[];
  /** As Reconstruction Method (0054,1103) and Convolution Kernel (0018,1210) write it. */
  reconstructionMethod: string;
  convolutionKernel: string;
  /** Terms of Corrected Image (0028,0051). */
  corrections: string[];
}

/**
 * Reconstructs every bed and combines them.
 * @throws ScannerError data.missing without beds, events or CT slices to match, data.invalid for a CT that misses a bed, timeout.aborted
 */
export async function reconstructPetSeries(job: PetJob, run: KernelOptions = {}): Promise<PetSeries> {
  const beds: PetBedImage[] = [];
  for (const [index, bed] of job.beds.entries()) {
    beds.push(await reconstructBed(job, bed, partOf(run, index / job.beds.length, (index + 1) / job.beds.length)));
  }
  const { volume, bedOfSlice } = await combineBeds(
    beds.map((bed) => bed.volume),
    run.signal,
  );
  return {
    beds,
    ...(await onAskedGrid(job, volume, bedOfSlice, run)),
    reconstructionMethod: reconstructionMethod(job.method),
    convolutionKernel: convolutionKernel(job.method),
    corrections: ['NORM', 'DECY', 'RAN', ...(attenuationCt(job) ? ['ATTN'] : [])],
  };
}

/** The CT, when the images are to be corrected for attenuation. */
function attenuationCt({ ct, method }: PetJob): PetJob['ct'] {
  return method.attenuationCorrected === false ? undefined : ct;
}

/** Combined beds on the grid of the plan. */
async function onAskedGrid(
  { method, ct }: PetJob,
  made: Volume,
  bedOfSlice: number[],
  run: KernelOptions,
): Promise<Pick<PetSeries, 'volume' | 'bedOfSlice'>> {
  if (method.matchCtSlices && !ct) throw new ScannerError('data.missing', { what: 'CT whose slices PET is to match' });
  const target = imageGrid(method, made, method.matchCtSlices ? ct?.volume : undefined);
  if (target.size[2] === 0) throw new ScannerError('data.missing', { what: 'CT slices within the PET range' });
  const same = [target.size, target.spacing, target.origin].join() === [made.size, made.spacing, made.origin].join();
  if (same) return { volume: made, bedOfSlice };
  const data = await resampleVolume({ data: made.data, source: made, target }, { ...run, onProgress: undefined });
  const nearest = (slice: number) => {
    const z = target.origin[2] + slice * target.spacing[2];
    return Math.min(made.size[2] - 1, Math.max(0, Math.round((z - made.origin[2]) / made.spacing[2])));
  };
  const { size, spacing, origin } = target;
  return {
    volume: { data, size: [...size], spacing: [...spacing], origin: [...origin], unit: made.unit },
    bedOfSlice: Array.from({ length: size[2] }, (_, slice) => bedOfSlice[nearest(slice)]!),
  };
}

async function reconstructBed(job: PetJob, bed: PetBed, run: KernelOptions): Promise<PetBedImage> {
  const { method, calibration } = job;
  const how = petMethod(method.method);
  const ct = attenuationCt(job);
  const scan = await scanListmode({ words: bed.words, ...bed.frame }, partOf(run, 0, 0.02));
  if (scan.prompts === 0)
    throw new ScannerError('data.missing', { what: `coincidences of the PET bed at z ${bed.centreZ} mm` });
  const words = bed.words.subarray(scan.firstWord, scan.endWord);
  const events = await sortListmode({ words, prompts: scan.prompts, tof: how.tof }, partOf(run, 0.02, 0.06));
  const mu = ct && (await makeMuMap(ct.volume, ct.kv, bed.centreZ, partOf(run, 0.06, 0.1)));
  const time = countedTime(bed, scan);
  const timing = frameTiming(time.startedAt, time.wallSeconds, job.seriesStart, job.halfLifeSeconds);
  // without attenuation correction there is no way to Bq/ml: counts a second, for comparison within the image
  const unit = ct ? 'BQML' : 'PROPCPS';
  const calibrated = ct ? calibration.bqmlPerCount / job.positronFraction : 1;
  const image = await reconstructPet(
    {
      algorithm: how.algorithm,
      rebinned: how.rebinned,
      matrix: kernelMatrix(method),
      iterations: method.iterations ?? 1,
      subsets: method.subsets ?? 1,
      psfFwhmMm: how.psf ? PSF_FWHM_MM : 0,
      filter: method.filter ?? { window: 'none' },
      scale: (calibrated * timing.decayFactor) / time.seconds,
      events,
      tofFwhmPs: calibration.tofFwhmPs,
      mu: mu?.volume.data,
      normalisation: calibration.normalisation,
      randoms: { delayeds: scan.delayeds, singles: singlesPerCrystal(scan.singles) },
    },
    partOf(run, 0.1, 1),
  );
  return {
    ...timing,
    volume: { ...petGrid(kernelMatrix(method), bed.centreZ), data: image.data, unit },
    startedAt: time.startedAt,
    seconds: time.seconds,
    statistics: { ...statistics(scan, time.seconds), impossible: image.impossible },
    outsideCt: mu?.outsideFraction ?? 0,
  };
}

/** Start of the frame, its length, and the part of it in which the rings counted. */
function countedTime(bed: PetBed, scan: FrameScan): { startedAt: Millisecond; wallSeconds: Second; seconds: Second } {
  const startMs = bed.frame?.startMs ?? 0;
  const endMs = Math.min(bed.frame?.endMs ?? Number.POSITIVE_INFINITY, bed.seconds * 1000);
  const wallSeconds = (endMs - startMs) / 1000;
  return { startedAt: bed.startedAt + startMs, wallSeconds, seconds: wallSeconds - scan.missingMs / 1000 };
}

function statistics(scan: FrameScan, seconds: Second): Omit<PetStatistics, 'impossible'> {
  const trues = scan.prompts - scan.delayeds;
  return {
    prompts: scan.prompts,
    randoms: scan.delayeds,
    trues,
    promptsPerSecond: scan.prompts / seconds,
    truesPerSecond: trues / seconds,
    corruptWords: scan.corrupt,
    missingMs: scan.missingMs,
  };
}
