import type { Millisecond } from '../../hal/base/units.js';
import { codeOf } from '../exam/codes.js';
import { daOf, dtOf, tmOf } from '../exam/datetime.js';
import type { Injection } from '../exam/exam.js';
import { convolutionKernel, type PetReconPlan, reconstructionMethod } from '../protocol/petrecon.js';
import type { Volume } from '../recon/volume.js';
import { codeScope, type ObjectContext } from './context.js';
import type { Scope } from './fill.js';

/** keV */
const ENERGY_WINDOW = { lower: 435, upper: 650 };
const DAY_MS = 86_400_000;

export function energyScope(): Scope {
  return { energyWindows: [ENERGY_WINDOW] };
}

/** Head first, supine: beside Patient Position, as statement Table 75 orders. */
export function orientationScope(): Scope {
  const term = (name: string) => codeScope(codeOf('patientOrientation', name));
  return {
    orientation: [{ ...term('recumbent'), modifier: [term('supine')] }],
    gantryRelationship: [term('headfirst')],
  };
}

/** The item of Radiopharmaceutical Information Sequence (0054,0016). */
export function radiopharmaceutical(injection: Injection, seriesStart: Millisecond): Scope {
  const { activity, halfLifeSeconds, positronFraction, time } = injection;
  return {
    name: injection.radiopharmaceutical.meaning.replaceAll('^', ''),
    startTime: startTime(time, seriesStart),
    startDateTime: dtOf(time),
    activity,
    halfLifeSeconds,
    positronFraction,
    radionuclide: [codeScope(injection.radionuclide)],
    radiopharmaceutical: [codeScope(injection.radiopharmaceutical)],
  };
}

/** TM of the injection in ms; its last three digits are the days between injection and scan: statement Table 75. */
function startTime(time: Millisecond, seriesStart: Millisecond): string {
  const midnight = (at: Millisecond) => new Date(new Date(at).setHours(0, 0, 0, 0)).getTime();
  const days = daOf(time) === daOf(seriesStart) ? 0 : Math.round((midnight(seriesStart) - midnight(time)) / DAY_MS);
  return tmOf(time).slice(0, 10) + String(Math.min(999, Math.max(0, days))).padStart(3, '0');
}

/** How the series was reconstructed, in place of a CSA series header: statement Table 81, as real objects of the family have it. */
export function replayHeader(
  { recon, frames }: { recon: PetReconPlan; frames: readonly { volume: Volume }[] },
  corrections: readonly string[],
): Scope {
  const { size, spacing } = frames[0]!.volume;
  const axes = [0, 1, 2] as const;
  const lines = [
    '!INTERFILE:=',
    `%method of reconstruction:=${reconstructionMethod(recon)}`,
    `%filter:=${convolutionKernel(recon)}`,
    `%number of images:=${frames.length}`,
    ...axes.map((i) => `%matrix size[${i + 1}]:=${size[i]}`),
    ...axes.map((i) => `%scale factor (mm/pixel) [${i + 1}]:=${spacing[i]}`),
    ...corrections.map((term) => `%applied corrections:=${term}`),
  ];
  const seriesHeaderInfo = Buffer.from(lines.map((line) => `${line}\n`).join(''), 'utf8');
  return { seriesHeaderType: 'PET_REPLAY_PARAM', seriesHeaderVersion: '1.3', seriesHeaderInfo };
}

/** The CT series that the PET images were corrected with. */
export function relatedSeries(
  context: ObjectContext,
  input: { ctSeriesInstanceUid?: string; matchesCtSlices?: boolean },
): Scope[] | undefined {
  const { ctSeriesInstanceUid, matchesCtSlices } = input;
  if (!ctSeriesInstanceUid) return undefined;
  const purposes = ['attenuationCorrection', ...(matchesCtSlices ? ['sameAnatomy'] : [])];
  return [
    {
      studyInstanceUid: context.exam.studyInstanceUid,
      seriesInstanceUid: ctSeriesInstanceUid,
      purposes: purposes.map((purpose) => codeScope(codeOf('relatedSeriesPurposes', purpose))),
    },
  ];
}
