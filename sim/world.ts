import { readTable } from '../hal/base/table.js';
import type { FlatPhantom } from '../native/phantom.js';
import { flattenPhantom } from './physics/flatten.js';
import { loadPhantom } from './physics/phantom.js';

const GEOMETRY: { landmarkMm: number; petBehindCtMm: number } = readTable(import.meta.url, './geometry.json');

/** What lies on the table, and since when. */
export interface Patient {
  /** Name of a shipped phantom, or the path of a file. */
  phantom: string;
  /** Scanner ms at which its activities hold. */
  referenceMs: number;
  nuclide: string;
  activityScale: number;
}

export type PatientChange = { phantom: string } & Partial<Patient>;

export const DEFAULT_NUCLIDE = 'F-18';

/** The patient on the table and how table travel maps to patient z. Patient mm, LPS, head-first supine. */
export class World {
  readonly seed: number;
  #patient: Patient;
  #flat: FlatPhantom;

  /** @throws ScannerError operator.unknown, config.invalid */
  constructor(seed: number, patient: Patient) {
    this.seed = seed;
    this.#patient = patient;
    this.#flat = flatten(patient);
  }

  get patient(): Readonly<Patient> {
    return this.#patient;
  }

  get phantom(): FlatPhantom {
    return this.#flat;
  }

  /**
   * Puts another phantom on the table. What the change does not say is: activity as in its file, F-18, from `nowMs` on.
   * @throws ScannerError operator.unknown, config.invalid; the old phantom then stays
   */
  setPatient(change: PatientChange, nowMs: number): void {
    const patient = { referenceMs: nowMs, nuclide: DEFAULT_NUCLIDE, activityScale: 1, ...change };
    this.#flat = flatten(patient);
    this.#patient = patient;
  }

  /** Patient z in the CT isocentre plane. */
  ctCentreZ(horizontalMm: number): number {
    return GEOMETRY.landmarkMm - horizontalMm;
  }

  /** Patient z in the middle of the PET rings. */
  petCentreZ(horizontalMm: number): number {
    return GEOMETRY.landmarkMm - horizontalMm + GEOMETRY.petBehindCtMm;
  }
}

function flatten(patient: Patient): FlatPhantom {
  return flattenPhantom(loadPhantom(patient.phantom), { activityScale: patient.activityScale });
}
