/** Procedures of quality control: which phantom, which protocol, and what is measured of its images. */

import { ScannerError } from '../../hal/base/errors.js';
import type { Volume } from '../recon/volume.js';
import type { ExamReport } from '../service/operations.js';
import type { SeriesTruth } from '../service/recon-methods.js';
import { measureWater, WATER_SERIES } from './ct-water.js';
import { DAILY, measureDaily } from './daily.js';
import type { Measured } from './report.js';

/** What a procedure may ask of its examination. */
export interface Scanned {
  report: ExamReport;
  /** First frame of each of the procedure's series, by Series Description. */
  volumes: ReadonlyMap<string, Volume>;
  /** PET series of a range beside the phantom. */
  truth(rangeId: string, series: string): Promise<SeriesTruth[]>;
}

export interface Procedure {
  name: string;
  title: string;
  protocol: string;
  phantom: string;
  /** Descriptions of the series that are measured. */
  series: readonly string[];
  measure(scanned: Scanned): Promise<Measured> | Measured;
}

/** The daily protocol's PET range: its second. */
const DAILY_PET_RANGE = 'R2';

export const PROCEDURES: readonly Procedure[] = [
  {
    name: 'daily',
    title: 'Daily quality control',
    protocol: 'qc-daily',
    phantom: 'uniform-cylinder',
    series: [DAILY.ct, DAILY.pet],
    measure: async ({ report, volumes, truth }) => {
      const [found] = await truth(DAILY_PET_RANGE, DAILY.pet);
      const [rates] = report.countRates;
      if (!found || !rates) throw new ScannerError('data.missing', { what: 'PET of the daily check' });
      return measureDaily(volumes, found, rates);
    },
  },
  {
    name: 'ct-water',
    title: 'CT numbers of water',
    protocol: 'qc-ct-water',
    phantom: 'water-cylinder',
    series: WATER_SERIES.map(({ description }) => description),
    measure: ({ volumes }) => measureWater(volumes),
  },
];
