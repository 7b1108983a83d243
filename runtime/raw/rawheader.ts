/** The text that goes with raw data: Interfile-like keys, one a line, every length and time with its unit. */

import { basename } from 'node:path';
import { PET_RINGS } from '../../hal/contract/petrings.js';
import type { Acquisition, FrameRecord } from '../acquire/acquisition.js';
import type { Injection } from '../exam/exam.js';
import { tableForPet } from '../protocol/geometry.js';
import type { CtRange, TopogramRange } from '../protocol/plan.js';
import { type InterfileEntry, writeInterfile } from './interfile.js';
import { writeListmodeHeader } from './listmode.js';
import type { RawSet } from './rawset.js';

/** Singles tags count in this many (PETLINK guideline, recent systems). */
export const SINGLES_SCALE = 8;

export function listmodeHeader(frame: FrameRecord, file: string, landmarkMm: number, injection?: Injection): string {
  const [lower, upper] = PET_RINGS.energyWindowKeV;
  return writeListmodeHeader({
    dataFile: basename(file),
    startedAt: frame.startedAt,
    seconds: frame.seconds,
    words: frame.words,
    bed: frame.bed,
    horizontalMm: tableForPet(frame.centreZ, landmarkMm),
    centreZ: frame.centreZ,
    isotope: injection?.radionuclide.meaning ?? 'unknown',
    halfLifeSeconds: injection?.halfLifeSeconds ?? 0,
    positronFraction: injection?.positronFraction ?? 0,
    energyWindow: { lower, upper },
    singlesScale: SINGLES_SCALE,
  });
}

export function ctHeader(
  range: TopogramRange | CtRange,
  acquisition: Acquisition,
  ct: NonNullable<RawSet['ct']>,
): string {
  const { exposure } = acquisition;
  const geometry: InterfileEntry[] =
    range.kind === 'ct'
      ? [
          ['%rotation time (s)', range.rotationTime],
          ['%pitch', range.pitch],
        ]
      : [['%tube angle (degrees)', range.tubeAngle]];
  return writeInterfile([
    ['!INTERFILE', ''],
    ['!originating system', 'petrig'],
    ['%data type', range.kind === 'ct' ? 'CT spiral readings' : 'CT topogram readings'],
    ['!imagedata byte order', 'LITTLEENDIAN'],
    ['!number format', 'unsigned integer'],
    ['!number of bytes per pixel', 2],
    ['%matrix size [1] (channels)', ct.channels],
    ['%matrix size [2] (rows)', ct.rows],
    ['%matrix size [3] (readings)', ct.readings],
    ['%row pitch at isocentre (mm)', ct.rowPitchMm],
    ['%word scale (1 / -ln transmission)', 4096],
    ['%word offset', 1024],
    ['%tube voltage (kV)', range.kv],
    ['%tube current (mA)', range.ma],
    ['%exposure time (s)', exposure?.seconds ?? 0],
    ...geometry,
  ]);
}
