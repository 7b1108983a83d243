/** How PET images are reconstructed: methods, filters and grids that a protocol or a person may ask for. */

import { z } from 'zod';
import { readTable } from '../../hal/base/table.js';

/** What a method of the table does. */
export interface PetMethodRow {
  algorithm: 'osem' | 'backprojection';
  tof: boolean;
  /** Lines of small ring difference to slices: two-dimensional. */
  rebinned: boolean;
  /** The detectors' point spread is part of the model. */
  psf: boolean;
}

interface FilterRow {
  term: string;
  width: boolean;
  order: boolean;
}

export const PET_METHODS = [
  'Backprojection',
  'Backprojection+TOF',
  'OSEM2D',
  'OSEM3D',
  'OSEM3D+TOF',
  'PSF',
  'PSF+TOF',
] as const;
export type PetMethodName = (typeof PET_METHODS)[number];

const FILTERS = ['Gauss', 'Hamming', 'Hanning', 'Parzen', 'Butterworth', 'Shepp', 'box'] as const;

const table: {
  methods: Readonly<Record<PetMethodName, PetMethodRow>>;
  filters: Readonly<Record<(typeof FILTERS)[number], FilterRow>>;
} = readTable(import.meta.url, './pet-methods.json');

/** Subsets are sets of the 168 angles. */
const ANGLES = 168;
const MOST_SUBSETS = 24;
const MATRICES = [128, 200, 256, 400, 512] as const;

const filter = z
  .strictObject({
    window: z.enum(FILTERS),
    /** Full width at half maximum of the point response, mm. */
    fwhmMm: z.number().positive().lt(100).optional(),
    order: z.number().int().min(1).max(20).optional(),
  })
  .superRefine(({ window, fwhmMm, order }, context) => {
    const row = table.filters[window];
    const check = (path: string, given: unknown, wanted: boolean) => {
      if ((given !== undefined) === wanted) return;
      context.addIssue({ code: 'custom', path: [path], message: `${window} ${wanted ? 'needs' : 'has no'} ${path}` });
    };
    check('fwhmMm', fwhmMm, row.width);
    check('order', order, row.order);
  });

export const petReconSchema = z
  .strictObject({
    label: z.string().max(64),
    method: z.enum(PET_METHODS),
    /** Of OSEM and PSF, not of Backprojection. */
    iterations: z.number().int().positive().max(100).optional(),
    /** A divisor of 168, at most 24. */
    subsets: z.number().int().positive().max(MOST_SUBSETS).optional(),
    matrix: z.literal(MATRICES),
    /** Absent: none. */
    filter: filter.optional(),
    /** 1: the whole field of view of 815 mm. */
    zoom: z.number().min(1).max(8).optional(),
    /** Middle of the images in patient x and y, mm. */
    offsetMm: z.tuple([z.number().min(-300).max(300), z.number().min(-300).max(300)]).optional(),
    /** Slices where the CT has its own. */
    matchCtSlices: z.boolean().optional(),
    /** False: not corrected for attenuation; such images are not quantitative. */
    attenuationCorrected: z.boolean().optional(),
    /** One rescale slope for all slices of a volume instead of one for each. */
    volumeScaled: z.boolean().optional(),
  })
  .superRefine(({ method, iterations, subsets }, context) => {
    const iterative = petMethod(method).algorithm === 'osem';
    for (const [path, value] of Object.entries({ iterations, subsets })) {
      if ((value !== undefined) === iterative) continue;
      const message = `${method} ${iterative ? 'needs' : 'has no'} ${path}`;
      context.addIssue({ code: 'custom', path: [path], message });
    }
    if (subsets !== undefined && ANGLES % subsets !== 0)
      context.addIssue({ code: 'custom', path: ['subsets'], message: 'expected a divisor of 168' });
  });

export type PetReconPlan = z.infer<typeof petReconSchema>;

export function petMethod(name: PetMethodName): PetMethodRow {
  return table.methods[name];
}

/** As Reconstruction Method (0054,1103) writes it, e.g. `PSF+TOF 2i21s`. */
export function reconstructionMethod({ method, iterations, subsets }: PetReconPlan): string {
  return iterations === undefined ? method : `${method} ${iterations}i${subsets}s`;
}

/** As Convolution Kernel (0018,1210) writes it, e.g. `XYZ BUTW5.00-1`. */
export function convolutionKernel({ filter }: PetReconPlan): string {
  if (!filter) return 'All-pass';
  const { term } = table.filters[filter.window];
  const order = filter.order === undefined ? '' : `-${filter.order}`;
  return `XYZ ${term}${filter.fwhmMm?.toFixed(2) ?? ''}${order}`;
}
