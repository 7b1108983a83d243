import { ScannerError } from '../../hal/base/errors.js';
import { type Dataset, setElement } from '../dicom/dataset/dataset.js';
import { chooseCharacterSet } from '../dicom/dataset/text.js';
import { type MatchingKey, WORKLIST_TABLE } from './mapping.js';

/** What a broad query may match on; an absent field matches all, as `*` does. Dates and times are DA, TM or ranges of them. */
export interface BroadQuery {
  stationAeTitle?: string;
  startDate?: string;
  startTime?: string;
  modality?: string;
}

/** What a patient based query may match on. */
export interface PatientQuery {
  patientName?: string;
  patientId?: string;
  accessionNumber?: string;
  requestedProcedureId?: string;
  referringPhysician?: string;
  performingPhysician?: string;
  currentLocation?: string;
  /** DA or a range: narrows, but does not count as a key. */
  startDate?: string;
}

/** How the node wants text: its side of Specific Character Set (0008,0005). */
export interface QueryText {
  /** Send it even where it is empty: some nodes answer text only then (note to Table 59). */
  emptyCharacterSet: boolean;
  /** Sets that the node reads, best first; the default repertoire is always there. */
  characterSets: readonly string[];
}

export const DEFAULT_QUERY_TEXT: QueryText = { emptyCharacterSet: true, characterSets: ['ISO_IR 100', 'ISO_IR 192'] };

/**
 * The identifier of a broad worklist query: matching keys of Table 59, all return keys of Table 60.
 * @throws ScannerError data.text
 */
export function broadQuery(query: BroadQuery = {}, text = DEFAULT_QUERY_TEXT): Dataset {
  return identifier(WORKLIST_TABLE.broadQuery.keys, { ...query }, text);
}

/** Keys that tell one patient's entries from all others. */
const NARROWING: readonly (keyof PatientQuery)[] = [
  'patientName',
  'patientId',
  'accessionNumber',
  'requestedProcedureId',
  'referringPhysician',
  'performingPhysician',
  'currentLocation',
];

/**
 * The identifier of a patient based query: matching keys of Table 61.
 * @throws ScannerError operator.usage when no key narrows it (2.6.3), data.text
 */
export function patientQuery(query: PatientQuery, text = DEFAULT_QUERY_TEXT): Dataset {
  if (!NARROWING.some((key) => /[^*?\s]/.test(query[key] ?? ''))) {
    const message = `a patient based query needs at least one of ${NARROWING.join(', ')}`;
    throw new ScannerError('operator.usage', { message });
  }
  return identifier(WORKLIST_TABLE.patientQuery.keys, { ...query }, text);
}

function identifier(
  matching: readonly MatchingKey[],
  values: Record<string, string | undefined>,
  text: QueryText,
): Dataset {
  const root: Dataset = {};
  for (const row of WORKLIST_TABLE.keys) {
    if (row.name === 'SpecificCharacterSet') continue; // says how this query is written, below
    if (isStep(row.path)) setElement(step(root), row.tag, row.vr, []);
    // a sequence of zero length matches all and returns all its attributes: PS3.4 C.2.2.2.6
    else if (row.path.length === 0 && row.name !== STEP_SEQUENCE) setElement(root, row.tag, row.vr, []);
  }
  const texts: string[] = [];
  for (const { path, tag, vr, match } of matching) {
    const value = values[match];
    if (!value) continue;
    setElement(isStep(path) ? step(root) : root, tag, vr, [value]);
    texts.push(value);
  }
  const characterSet = chooseCharacterSet(texts, [DEFAULT_REPERTOIRE, ...text.characterSets]);
  if (!characterSet) {
    throw new ScannerError('data.text', { text: texts.join(', '), set: text.characterSets.join(' or ') });
  }
  if (characterSet !== DEFAULT_REPERTOIRE) setElement(root, '00080005', 'CS', [characterSet]);
  else if (text.emptyCharacterSet) setElement(root, '00080005', 'CS', []);
  return root;
}

const DEFAULT_REPERTOIRE = 'ISO_IR 6';
const STEP_SEQUENCE = 'ScheduledProcedureStepSequence';
const STEP_TAG = '00400100';

function isStep(path: readonly string[]): boolean {
  return path.length === 1 && path[0] === STEP_TAG;
}

function step(root: Dataset): Dataset {
  const sequence = (root[STEP_TAG] ??= { vr: 'SQ', Value: [{}] });
  return sequence.Value[0] as Dataset;
}
