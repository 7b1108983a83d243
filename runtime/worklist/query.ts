import { type Dataset, setElement } from '../dicom/dataset/dataset.js';
import { chooseCharacterSet } from '../dicom/dataset/text.js';
import { type MatchingKey, WORKLIST_TABLE } from './mapping.js';

/** What a broad query may match on; an absent field matches all. Dates and times are DA, TM or ranges of them. */
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
}

/** The identifier of a broad worklist query: matching keys of Table 59, all return keys of Table 60. */
export function broadQuery(query: BroadQuery = {}): Dataset {
  return identifier(WORKLIST_TABLE.broadQuery.keys, { ...query });
}

/** The identifier of a patient based query: matching keys of Table 61. */
export function patientQuery(query: PatientQuery): Dataset {
  return identifier(WORKLIST_TABLE.patientQuery.keys, { ...query });
}

function identifier(matching: readonly MatchingKey[], values: Record<string, string | undefined>): Dataset {
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
  const characterSet = chooseCharacterSet(texts, ['ISO_IR 6', 'ISO_IR 100', 'ISO_IR 192']);
  if (characterSet && characterSet !== 'ISO_IR 6') setElement(root, '00080005', 'CS', [characterSet]);
  return root;
}

const STEP_SEQUENCE = 'ScheduledProcedureStepSequence';
const STEP_TAG = '00400100';

function isStep(path: readonly string[]): boolean {
  return path.length === 1 && path[0] === STEP_TAG;
}

function step(root: Dataset): Dataset {
  const sequence = (root[STEP_TAG] ??= { vr: 'SQ', Value: [{}] });
  return sequence.Value[0] as Dataset;
}
