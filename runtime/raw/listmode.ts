/** Text header of a list-mode file: what is needed to bin and reconstruct it. */

import { ScannerError } from '../../hal/base/errors.js';
import type { KiloElectronVolt, Millimetre, Millisecond, Second } from '../../hal/base/units.js';
import { PET } from '../../native/petgeometry.js';
import { InterfileHeader, writeInterfile } from './interfile.js';

export interface ListmodeHeader {
  dataFile: string;
  /** Scanner time of time tag 0, ms since the epoch. */
  startedAt: Millisecond;
  seconds: Second;
  words: number;
  bed: number;
  /** Table travel into the gantry. */
  horizontalMm: Millimetre;
  /** Patient z at the PET centre. */
  centreZ: Millimetre;
  isotope: string;
  halfLifeSeconds: Second;
  positronFraction: number;
  energyWindow: { lower: KiloElectronVolt; upper: KiloElectronVolt };
  /** Singles tags count in this many. */
  singlesScale: number;
}

/** Keys that must hold these values for our geometry: the segment table and sinogram size of the bin address. */
const GEOMETRY = [
  ['%SMS-MI header name space', 'PETLINK bin address'],
  ['%axial compression', PET.span],
  ['%maximum ring difference', PET.maxRingDifference],
  ['number of rings', PET.rings],
  ['%number of projections', PET.radials],
  ['%number of views', PET.angles],
  ['%number of segments', PET.segmentPlanes.length],
  ['%segment table', PET.segmentPlanes],
  ['%number of TOF time bins', PET.tofBins],
  ['%TOF mashing factor', 1],
  ['%LM event and tag words format (bits)', 32],
  ['%timing tagwords interval (msec)', 1],
] as const;

export function writeListmodeHeader(h: ListmodeHeader): string {
  const started = new Date(h.startedAt).toISOString();
  return writeInterfile([
    ['!INTERFILE', ''],
    ['!originating system', 'petrig'],
    ['!name of data file', h.dataFile],
    ['!PET data type', 'emission'],
    ['data format', 'CoincidenceList'],
    ['imagedata byte order', 'LITTLEENDIAN'],
    ['%study date (yyyy:mm:dd)', started.slice(0, 10).replaceAll('-', ':')],
    ['%study time (hh:mm:ss GMT+00:00)', started.slice(11, 23)],
    ['image duration (sec)', h.seconds],
    ['isotope name', h.isotope],
    ['%isotope gamma halflife (sec)', h.halfLifeSeconds],
    ['isotope branching factor', h.positronFraction],
    ...GEOMETRY,
    ['%coincidence window width (ns)', 4.0625],
    ['number of energy windows', 1],
    ['%energy window lower level (keV)[1]', h.energyWindow.lower],
    ['%energy window upper level (keV)[1]', h.energyWindow.upper],
    ['%singles polling method', 'instantaneous'],
    ['%singles polling interval (sec)', 2],
    ['%singles scale factor', h.singlesScale],
    ['%total number of singles blocks', PET.blocks],
    ['%total listmode word counts', h.words],
    ['%bed number', h.bed],
    ['start horizontal bed position (mm)', h.horizontalMm],
    ['%patient z at centre of PET field of view (mm)', h.centreZ],
  ]);
}

/** @throws ScannerError data.invalid naming the key that is missing or does not fit this scanner */
export function readListmodeHeader(text: string): ListmodeHeader {
  const header = new InterfileHeader(text, 'list-mode header');
  for (const [key, expected] of GEOMETRY) expectValue(header, key, expected);
  const [date, time] = [header.text('%study date (yyyy:mm:dd)'), header.text('%study time (hh:mm:ss GMT+00:00)')];
  const startedAt = Date.parse(`${date.replaceAll(':', '-')}T${time}Z`);
  if (Number.isNaN(startedAt)) {
    throw new ScannerError('data.invalid', {
      what: 'list-mode header',
      message: `study date and time ${date} ${time}`,
    });
  }
  return {
    dataFile: header.text('name of data file'),
    startedAt,
    seconds: header.number('image duration (sec)'),
    words: header.number('%total listmode word counts'),
    bed: header.number('%bed number'),
    horizontalMm: header.number('start horizontal bed position (mm)'),
    centreZ: header.number('%patient z at centre of PET field of view (mm)'),
    isotope: header.text('isotope name'),
    halfLifeSeconds: header.number('%isotope gamma halflife (sec)'),
    positronFraction: header.number('isotope branching factor'),
    energyWindow: {
      lower: header.number('%energy window lower level (keV)[1]'),
      upper: header.number('%energy window upper level (keV)[1]'),
    },
    singlesScale: header.number('%singles scale factor'),
  };
}

function expectValue(header: InterfileHeader, key: string, expected: string | number | readonly number[]): void {
  const got = Array.isArray(expected) ? header.numbers(key).join() : header.text(key);
  if (got === String(expected)) return;
  throw new ScannerError('data.invalid', {
    what: 'list-mode header',
    message: `${key} is ${got}, expected ${expected}`,
  });
}
