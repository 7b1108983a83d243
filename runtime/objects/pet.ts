import type { Millisecond } from '../../hal/base/units.js';
import type { FrameRecord } from '../acquire/acquisition.js';
import { dtOf } from '../exam/datetime.js';
import { convolutionKernel, type PetReconPlan, reconstructionMethod } from '../protocol/petrecon.js';
import type { PetRange } from '../protocol/plan.js';
import type { Volume } from '../recon/volume.js';
import {
  commonScope,
  finishImage,
  newUid,
  type ObjectContext,
  type Reference,
  referenceScope,
  type SeriesIdentity,
  timesScope,
} from './context.js';
import { pixelScope } from './ct.js';
import type { Scope } from './fill.js';
import { imageType } from './image-type.js';
import type { BuiltObject } from './instance.js';
import { sopClassOf } from './modules.js';
import { energyScope, orientationScope, radiopharmaceutical, relatedSeries, replayHeader } from './pet-scope.js';
import { frameTiming } from './pet-timing.js';
import { extremesOf, petPixels, petSlope } from './pixels.js';
import { type Place, type SeriesObjects, seriesOf } from './series.js';

/** Sinogram axes of the scanner: largest ring difference, and the two axial mashes of span 11. */
const SINOGRAM = { axialAcceptance: 49, axialMash: [5, 6] };

/** What a correction of the image is called beside Corrected Image (0028,0051). */
const METHODS: Readonly<Record<string, Scope>> = {
  ATTN: { attenuationCorrectionMethod: 'CT-derived mu-map' },
  SCAT: { scatterCorrectionMethod: 'Model-based' },
  RAN: { randomsCorrectionMethod: 'DLYD' },
};

/** Amplitudes in % of the breath, phases by the terms of PS3.3 C.7.6.16.2.17: statement Table 86. */
export interface Breath {
  startingAmplitude: number;
  startingPhase: 'INSPIRATION' | 'MAXIMUM' | 'EXPIRATION' | 'MINIMUM';
  endingAmplitude: number;
  endingPhase: Breath['startingPhase'];
}

/** One gate of a gated frame. Times in ms. */
export interface Gate {
  slot: number;
  slots: number;
  triggerTime: number;
  frameTime: number;
  /** Mean accepted interval. */
  nominalInterval?: number;
  /** Limits of accepted intervals; absent where none is rejected. */
  lowRRValue?: number;
  highRRValue?: number;
  heartRate?: number;
  intervalsAcquired?: number;
  intervalsRejected?: number;
  /** Beats let by after an arrhythmia. */
  skipBeats?: number;
  /** Where a respiratory gate begins and ends. */
  breath?: Breath;
}

/** One volume of the series: all beds at one time frame, or at one gate. */
export interface PetFrame {
  /** Unit BQML, or PROPCPS when not corrected for attenuation; corrected for decay to the series' start. */
  volume: Volume;
  /** Number of the frame in `acquisition.frames`; 0 when the scan is static. */
  frame: number;
  gate?: Gate;
}

export interface PetSeriesInput extends SeriesIdentity {
  range: PetRange;
  recon: PetReconPlan;
  acquisition: { frames: FrameRecord[] };
  frames: PetFrame[];
  /** Number of the range in the examination, from 1. */
  rangeNumber: number;
  /** The CT series that attenuation was taken from. */
  ctSeriesInstanceUid?: string;
  /** Its description. */
  ctDescription?: string;
  /** Slices lie where the CT's do. */
  matchesCtSlices?: boolean;
  /** Terms of Corrected Image; DECY is always among them. */
  corrections?: readonly string[];
  scatterFraction?: number;
  /** List mode that it was reconstructed from. */
  raw?: readonly (Reference & { frame: number })[];
}

const DEFAULT_CORRECTIONS = ['NORM', 'ATTN', 'RAN', 'DECY'];

/** PET images of one reconstruction: frame after frame, in each from head to feet. Each is built when it is asked for. */
export function petInstances(context: ObjectContext, input: PetSeriesInput): SeriesObjects {
  const slices = input.frames[0]!.volume.size[2];
  const seriesStart = Math.min(...input.acquisition.frames.map((frame) => frame.startedAt));
  const common = {
    ...commonScope(context, { ...input, flags: flagsOf(input), modality: 'PT', startedAt: seriesStart }),
    ...seriesScope(context, input, seriesStart),
  };
  const count = slices * input.frames.length;
  const series = { modality: 'PT', sopClassUid: sopClassOf('pet'), description: input.description, count };
  const scales = input.frames.map(({ volume }) => volumeScale(input, volume));
  return seriesOf(context, series, input, (place) => {
    const number = Math.floor(place.index / slices);
    const k = slices - 1 - (place.index % slices);
    return petSlice(context, input, common, {
      place,
      frame: input.frames[number]!,
      scale: scales[number]!,
      k,
      seriesStart,
    });
  });
}

interface SlicePlace {
  place: Place;
  frame: PetFrame;
  scale: VolumeScale;
  k: number;
  seriesStart: Millisecond;
}

function petSlice(context: ObjectContext, input: PetSeriesInput, common: Scope, at: SlicePlace): BuiltObject {
  const { volume, gate } = at.frame;
  const [nx, ny] = volume.size;
  const [x, y, firstZ] = volume.origin;
  const z = firstZ + at.k * volume.spacing[2];
  const record = frameOfSlice(input.acquisition.frames, at.frame.frame, z);
  const { slope, windowWidth } = at.scale;
  const pixels = petPixels(volume.data.subarray(at.k * nx * ny, (at.k + 1) * nx * ny), slope);
  const halfLife = context.exam.injection?.halfLifeSeconds;
  const dataset = finishImage(
    context,
    'pet',
    {
      ...common,
      ...at.place.scope,
      ...timesScope('acquisition', record.startedAt),
      ...timesScope('content', context.now),
      ...pixelScope(pixels, nx, ny, 16),
      ...frameTiming({ startedAt: record.startedAt, seconds: record.seconds, seriesStart: at.seriesStart, halfLife }),
      ...gateScope(gate),
      windowWidth,
      windowCenter: windowWidth / 2,
      sourceImages: input.raw?.filter((raw) => raw.frame === at.frame.frame).map(referenceScope),
      acquisitionNumber: petAcquisitionNumber(input.rangeNumber, record.bed),
      primaryPromptsCountsAccumulated: record.prompts,
      imagePositionPatient: [x, y, z],
      sliceLocation: z,
      imageIndex: at.place.index + 1, // frames and gates before slices: PS3.3 C.8.9.4.1.9
      actualFrameDuration: record.seconds * 1000,
    },
    `RECONSTRUCTED ${reconstructionMethod(input.recon)}`,
  );
  return { dataset };
}

function seriesScope(context: ObjectContext, input: PetSeriesInput, seriesStart: Millisecond): Scope {
  const { recon, range } = input;
  const { volume, gate } = input.frames[0]!;
  const corrections = [...new Set([...(input.corrections ?? DEFAULT_CORRECTIONS), 'DECY'])];
  const dynamic = range.frames.length > 0;
  const kind = gate ? 'GATED' : dynamic ? 'DYNAMIC' : 'WHOLE BODY';
  return {
    ...SINOGRAM,
    ...energyScope(),
    ...orientationScope(),
    ...Object.assign({}, ...corrections.map((term) => METHODS[term] ?? {})),
    imageType: imageType('pet'),
    units: volume.unit,
    seriesType: [kind, 'IMAGE'],
    numberOfRRIntervals: gate ? 1 : undefined,
    numberOfTimeSlots: gate?.slots,
    numberOfTimeSlices: dynamic && !gate ? input.frames.length : undefined,
    numberOfSlices: volume.size[2],
    correctedImage: corrections,
    reconstructionDiameter: volume.size[0] * volume.spacing[0],
    convolutionKernel: convolutionKernel(recon),
    reconstructionMethod: reconstructionMethod(recon),
    radiopharmaceuticals: context.exam.injection && [radiopharmaceutical(context.exam.injection, seriesStart)],
    relatedSeries: relatedSeries(context, input),
    pixelSpacing: [volume.spacing[1], volume.spacing[0]],
    imageOrientationPatient: [1, 0, 0, 0, 1, 0],
    sliceThickness: volume.spacing[2],
    doseCalibrationFactor: context.equipment.doseCalibrationFactor,
    scatterFractionFactor: input.scatterFraction,
    registrationMatrixUid: newUid(context),
    decayCorrectionDateTime: dtOf(seriesStart),
    frameKind: kind === 'WHOLE BODY' ? 'STATIC' : kind,
    ...replayHeader(input, corrections),
  };
}

/** Scans of an examination count from 0 here, beds from 1: of topogram, CT and PET the PET's first bed is 2001. */
export function petAcquisitionNumber(rangeNumber: number, bed: number): number {
  return (rangeNumber - 1) * 1000 + bed + 1;
}

/** The bed whose centre is nearest, of the slice's frame: the one that sees it best. */
function frameOfSlice(frames: readonly FrameRecord[], frame: number, z: number): FrameRecord {
  const same = frames.filter((record) => record.frame === frame);
  return (same.length > 0 ? same : frames).reduce((best, record) =>
    Math.abs(record.centreZ - z) < Math.abs(best.centreZ - z) ? record : best,
  );
}

function gateScope(gate: Gate | undefined): Scope {
  if (!gate) return {};
  const { slot: _slot, slots: _slots, breath, ...times } = gate;
  const respiratory = breath && { ...breath, respiratoryTriggerType: 'AMPLITUDE' };
  return {
    ...times,
    ...respiratory,
    framingType: 'PHASED',
    beatRejectionFlag: gate.lowRRValue === undefined ? 'N' : 'Y',
  };
}

/** What the system says in Image Comments: statement Table 75. */
function flagsOf({ ctDescription, recon }: PetSeriesInput): string[] {
  return [ctDescription ?? '', recon.volumeScaled ? 'Volume Scaled' : ''].filter(Boolean);
}

interface VolumeScale {
  /** One for all slices; absent where each has its own. */
  slope?: string;
  /** From 0 to the greatest value of the volume. */
  windowWidth: number;
}

function volumeScale({ recon }: PetSeriesInput, { data }: Volume): VolumeScale {
  const extremes = extremesOf(data);
  const windowWidth = Math.max(1, Math.round(extremes.high));
  return recon.volumeScaled ? { slope: petSlope(extremes), windowWidth } : { windowWidth };
}
