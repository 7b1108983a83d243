import type { Millisecond } from '../../hal/base/units.js';
import { type Dataset, dataset } from '../dicom/dataset/dataset.js';
import { daOf, dtOf, tmOf } from '../exam/datetime.js';
import type { Injection } from '../exam/exam.js';
import { codeItem, codeNamed, type ObjectContext } from './context.js';
import { decimal } from './decimal.js';
import type { Scope } from './fill.js';

/** keV */
const ENERGY_WINDOW = { lower: 435, upper: 650 };
const DAY_MS = 86_400_000;

export function energyScope(): Scope {
  const window = dataset({
    EnergyWindowLowerLimit: String(ENERGY_WINDOW.lower),
    EnergyWindowUpperLimit: String(ENERGY_WINDOW.upper),
  });
  return { energyWindowRangeSequence: [window] };
}

/** Head first, supine: beside Patient Position, as statement Table 75 orders. */
export function orientationScope(): Scope {
  const orientation = codeNamed('patientOrientation', 'recumbent');
  Object.assign(
    orientation,
    dataset({ PatientOrientationModifierCodeSequence: codeNamed('patientOrientation', 'supine') }),
  );
  return {
    patientOrientationCodeSequence: [orientation],
    patientGantryRelationshipCodeSequence: [codeNamed('patientOrientation', 'headfirst')],
  };
}

/** The item of Radiopharmaceutical Information Sequence (0054,0016). */
export function radiopharmaceutical(injection: Injection, seriesStart: Millisecond): Dataset {
  return dataset({
    Radiopharmaceutical: injection.radiopharmaceutical.meaning.replaceAll('^', ''),
    RadiopharmaceuticalStartTime: startTime(injection.time, seriesStart),
    RadiopharmaceuticalStartDateTime: dtOf(injection.time),
    RadionuclideTotalDose: decimal(injection.activity),
    RadionuclideHalfLife: decimal(injection.halfLifeSeconds),
    RadionuclidePositronFraction: decimal(injection.positronFraction),
    RadionuclideCodeSequence: codeItem(injection.radionuclide),
    RadiopharmaceuticalCodeSequence: codeItem(injection.radiopharmaceutical),
  });
}

/** TM of the injection in ms; its last three digits are the days between injection and scan: statement Table 75. */
function startTime(time: Millisecond, seriesStart: Millisecond): string {
  const midnight = (at: Millisecond) => new Date(new Date(at).setHours(0, 0, 0, 0)).getTime();
  const days = daOf(time) === daOf(seriesStart) ? 0 : Math.round((midnight(seriesStart) - midnight(time)) / DAY_MS);
  return tmOf(time).slice(0, 10) + String(Math.min(999, Math.max(0, days))).padStart(3, '0');
}

/** The CT series that the PET images were corrected with. */
export function relatedSeries(
  context: ObjectContext,
  input: { ctSeriesInstanceUid?: string; matchesCtSlices?: boolean },
): Dataset[] | undefined {
  const { ctSeriesInstanceUid, matchesCtSlices } = input;
  if (!ctSeriesInstanceUid) return undefined;
  const purposes = ['attenuationCorrection', ...(matchesCtSlices ? ['sameAnatomy'] : [])];
  return [
    dataset({
      StudyInstanceUID: context.exam.studyInstanceUid,
      SeriesInstanceUID: ctSeriesInstanceUid,
      PurposeOfReferenceCodeSequence: purposes.map((purpose) => codeNamed('relatedSeriesPurposes', purpose)),
    }),
  ];
}
