import type { Millimetre, Millisecond } from '../../hal/base/units.js';
import type { Acquisition } from '../acquire/acquisition.js';
import { codeOf } from '../exam/codes.js';
import type { CtRange, CtReconPlan, TopogramRange } from '../protocol/plan.js';
import type { Volume } from '../recon/volume.js';
import {
  codeScope,
  commonScope,
  finishImage,
  newUid,
  type ObjectContext,
  type Reference,
  referenceScope,
  type SeriesIdentity,
  timesScope,
} from './context.js';
import type { Scope } from './fill.js';
import { imageType } from './image-type.js';
import type { BuiltObject } from './instance.js';
import { sopClassOf } from './modules.js';
import { ctPixels, type StoredPixels, topogramPixels } from './pixels.js';
import { type SeriesObjects, seriesOf } from './series.js';

/** Fixed by the gantry: source to detector, source to isocentre, scan field, mm. */
const GEOMETRY = { distanceSourceToDetector: 1085.6, distanceSourceToPatient: 595, dataCollectionDiameter: 500 };
/** A wide second window beside the planned one, as the console offers. */
const SECOND_WINDOW = { center: 300, width: 1500 };
/** The tube current is the same all the scan long: the label of the statement's table for no modulation. */
const UNMODULATED = { exposureModulationType: 'OFF', estimatedDoseSaving: 0 };
const TOPOGRAM_WINDOWS = [
  { center: 50, width: 350 },
  { center: 300, width: 2000 },
];

export interface CtSeriesInput extends SeriesIdentity {
  range: CtRange;
  recon: CtReconPlan;
  acquisition: Acquisition;
  /** Unit HU. */
  volume: Volume;
  /** Number of the scan in the examination. */
  acquisitionNumber: number;
  /** The topogram it was planned on. */
  topogram?: Reference;
  /** The raw data object it was reconstructed from. */
  raw?: Reference;
  irradiationEventUid?: string;
  tableHeightMm?: Millimetre;
}

/** CT images of one reconstruction, from head to feet. Each is built when it is asked for. */
export function ctInstances(context: ObjectContext, input: CtSeriesInput): SeriesObjects {
  const { volume, acquisition } = input;
  const slices = volume.size[2];
  const common = {
    ...commonScope(context, { ...input, modality: 'CT', startedAt: context.now }),
    ...ctScope(context, input, acquisition),
    ...spiralScope(input),
  };
  return seriesOf(
    context,
    { modality: 'CT', sopClassUid: sopClassOf('ct'), description: input.description, count: slices },
    input,
    (at) => {
      const k = slices - 1 - at.index;
      return ctSlice(context, input, { ...common, ...at.scope }, k);
    },
  );
}

function ctSlice(context: ObjectContext, input: CtSeriesInput, common: Scope, k: number): BuiltObject {
  const { volume, recon } = input;
  const [nx, ny] = volume.size;
  const [x, y, firstZ] = volume.origin;
  const z = firstZ + k * volume.spacing[2];
  const pixels = ctPixels(volume.data.subarray(k * nx * ny, (k + 1) * nx * ny));
  const at = scannedAt(input, z);
  const centre = [x + ((nx - 1) / 2) * volume.spacing[0], y + ((ny - 1) / 2) * volume.spacing[1]];
  const dataset = finishImage(
    context,
    'ct',
    {
      ...common,
      ...timesScope('acquisition', at),
      ...timesScope('content', at),
      ...pixelScope(pixels, nx, ny, 12),
      imageType: imageType('spiral'),
      rescaleType: 'HU',
      pixelSpacing: [volume.spacing[1], volume.spacing[0]],
      imageOrientationPatient: [1, 0, 0, 0, 1, 0],
      imagePositionPatient: [x, y, z],
      sliceThickness: recon.thicknessMm,
      sliceLocation: z,
      target: centre.map(fixed),
      ...windowScope([recon.window, SECOND_WINDOW]),
    },
    `RECONSTRUCTED ${recon.kernel}`,
  );
  return { dataset };
}

/** A scout image as the reconstruction makes it: row 0 at the head. */
export interface TopogramImage {
  /** [row][column], line integral. */
  data: Float32Array;
  width: number;
  height: number;
  pixelMm: number;
  origin: [number, number, number];
  /** Direction of a growing column, then of a growing row. */
  orientation: [number, number, number, number, number, number];
}

export interface TopogramInput extends SeriesIdentity {
  range: TopogramRange;
  acquisition: Acquisition;
  image: TopogramImage;
  acquisitionNumber: number;
  raw?: Reference;
  irradiationEventUid?: string;
  tableHeightMm?: Millimetre;
}

/** The localizer: a series of one image. */
export function topogramInstances(context: ObjectContext, input: TopogramInput): SeriesObjects {
  const { acquisition, image, range } = input;
  const total = range.rows * range.rowPitchMm;
  const common: Scope = {
    ...commonScope(context, { ...input, modality: 'CT', startedAt: acquisition.startedAt }),
    ...ctScope(context, input, acquisition),
    exposureTime: (acquisition.exposure?.seconds ?? 0) * 1000,
    exposure: acquisition.exposure?.mas,
    convolutionKernel: 'T20f',
    singleCollimationWidth: range.rowPitchMm,
    totalCollimationWidth: total,
    tableSpeed: range.tableSpeed,
    spiralPitchFactor: 0,
    reconstructionDiameter: image.width * image.pixelMm,
  };
  const series = { modality: 'CT', sopClassUid: sopClassOf('ct'), description: input.description, count: 1 };
  return seriesOf(context, series, input, (at) => {
    const dataset = finishImage(
      context,
      'ct',
      {
        ...common,
        ...at.scope,
        ...timesScope('acquisition', acquisition.startedAt),
        ...timesScope('content', acquisition.startedAt),
        ...pixelScope(topogramPixels(image.data), image.width, image.height, 12),
        imageType: imageType('topogram'),
        rescaleType: 'US', // attenuation in steps, no HU
        pixelSpacing: [image.pixelMm, image.pixelMm],
        imageOrientationPatient: image.orientation,
        imagePositionPatient: image.origin,
        sliceLocation: image.origin[2],
        target: ['0', '0'],
        ...windowScope(TOPOGRAM_WINDOWS),
      },
      'RECONSTRUCTED',
    );
    return { dataset };
  });
}

/** What CT images and topograms share. */
function ctScope(context: ObjectContext, input: CtSeriesInput | TopogramInput, acquisition: Acquisition): Scope {
  const { exposure } = acquisition;
  const { range } = input;
  return {
    ...GEOMETRY,
    acquisitionNumber: input.acquisitionNumber,
    contrastBolusAgent: agentOf(context),
    kvp: exposure?.kv ?? range.kv,
    xRayTubeCurrent: exposure?.ma ?? range.ma,
    generatorPower: ((exposure?.kv ?? range.kv) * (exposure?.ma ?? range.ma)) / 1000,
    gantryDetectorTilt: 0,
    tableHeight: input.tableHeightMm,
    rotationDirection: 'CW',
    focalSpots: context.equipment.focalSpotMm,
    ctdiVol: exposure?.ctdiVol,
    ctdiPhantoms: exposure && [codeScope(codeOf('ctdiPhantoms', exposure.ctdiPhantom))],
    ...UNMODULATED,
    irradiationEventUid: input.irradiationEventUid ?? newUid(context),
    referencedImages: 'topogram' in input && input.topogram ? [referenceScope(input.topogram)] : [],
    sourceImages: input.raw ? [referenceScope(input.raw)] : [],
    applicationHeaders: [{ tableNullPosition: tableNullPosition(context.exam.landmarkMm) }],
  };
}

function spiralScope({ range, recon, acquisition }: CtSeriesInput): Scope {
  const ma = acquisition.exposure?.ma ?? range.ma;
  const total = range.rows * range.rowPitchMm;
  const feed = range.pitch * total;
  return {
    exposureTime: range.rotationTime * 1000,
    exposure: (ma * range.rotationTime) / range.pitch, // effective mAs: statement Table 74
    revolutionTime: range.rotationTime,
    singleCollimationWidth: range.rowPitchMm,
    totalCollimationWidth: total,
    tableSpeed: feed / range.rotationTime,
    tableFeedPerRotation: feed,
    feedPerRotation: fixed(feed),
    spiralPitchFactor: range.pitch,
    reconstructionDiameter: recon.fovMm,
    convolutionKernel: recon.kernel,
    derivationDescription:
      recon.fovMm > GEOMETRY.dataCollectionDiameter ? 'Reconstruction field larger than scan field' : undefined,
  };
}

/** When the beam passed a plane: the table runs from the head end to the feet end at constant speed. */
function scannedAt({ range, acquisition }: CtSeriesInput, z: number): Millisecond {
  const { startedAt, endedAt } = acquisition;
  const fraction = (range.toZ - z) / Math.max(1e-6, range.toZ - range.fromZ);
  return startedAt + Math.min(1, Math.max(0, fraction)) * (endedAt - startedAt);
}

/** Statement Table 74: a fixed term where contrast was given and nothing entered. */
function agentOf({ exam: { contrastAgent } }: ObjectContext): string | undefined {
  return contrastAgent === '' ? 'APPLIED' : contrastAgent;
}

export function pixelScope(pixels: StoredPixels, columns: number, rows: number, bits: 12 | 16): Scope {
  return {
    rows,
    columns,
    bitsStored: bits,
    highBit: bits - 1,
    pixelRepresentation: pixels.signed ? 1 : 0,
    smallestImagePixelValue: pixels.smallest,
    largestImagePixelValue: pixels.largest,
    rescaleSlope: pixels.slope,
    pixelData: pixels.bytes,
  };
}

function windowScope(windows: { center: number; width: number }[]): Scope {
  return {
    windowCenter: windows.map((window) => window.center),
    windowWidth: windows.map((window) => window.width),
    windowCenterWidthExplanation: windows.map((_, i) => `WINDOW${i + 1}`),
  };
}

/** Table travel of the landmark as a sign, nine digits of micrometres and NUL. */
function tableNullPosition(landmarkMm: Millimetre): Uint8Array {
  const digits = String(Math.round(Math.abs(landmarkMm) * 1000)).padStart(8, '0');
  return Buffer.from(`${landmarkMm < 0 ? '-' : '+'}${digits}\0`, 'latin1');
}

const fixed = (value: number) => String(Number(value.toFixed(4)));
