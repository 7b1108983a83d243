import { readTable } from '../../hal/base/table.js';
import { type Dataset, type Element, isDataset } from '../dicom/dataset/dataset.js';

/** One row of Table 60: a return key, and where its value lands. */
export interface ReturnKey {
  section: string;
  /** Sequences in which the key stands, outermost first. */
  path: string[];
  tag: string;
  name: string;
  vr: string;
  type: string;
  /** The operator sees it. */
  shown?: boolean;
  /** Tags in the objects. */
  object?: string[];
  /** Tags in the performed procedure step. */
  mpps?: string[];
  /** Stands in Request Attributes Sequence of the objects too. */
  request?: boolean;
}

/** One matching key of Tables 59 and 61. */
export interface MatchingKey {
  path: string[];
  tag: string;
  name: string;
  vr: string;
  /** The field of the query that it takes its value from. */
  match: string;
}

interface WorklistTable {
  keys: ReturnKey[];
  broadQuery: { keys: MatchingKey[] };
  patientQuery: { keys: MatchingKey[] };
  /** Meanings of Table 62; an x stands for any digit. */
  status: { codes: Record<string, string> };
}

export const WORKLIST_TABLE: Readonly<WorklistTable> = readTable(import.meta.url, '../dicom/tables/worklist.json');

/** What a status of the worklist query means, or undefined. */
export function worklistStatusText(status: string): string | undefined {
  const { codes } = WORKLIST_TABLE.status;
  const key = Object.keys(codes).find((code) => new RegExp(`^${code.replaceAll('x', '[0-9A-F]')}$`).test(status));
  return key && codes[key];
}

/** The element at a path, descending into the first item of each sequence; undefined when absent or empty. */
export function elementAt(ds: Readonly<Dataset>, path: readonly string[], tag: string): Element | undefined {
  let level: Readonly<Dataset> | undefined = ds;
  for (const sequence of path) {
    const first: Element['Value'][number] | undefined = level?.[sequence]?.Value[0];
    level = first !== undefined && isDataset(first) ? first : undefined;
  }
  const found = level?.[tag];
  return found && found.Value.length > 0 ? found : undefined;
}

/** What the objects (`object`) or the performed procedure step (`mpps`) get from a worklist item, by destination tag. Empty keys give nothing. */
export function mappedAttributes(attributes: Readonly<Dataset>, target: 'object' | 'mpps'): Dataset {
  const mapped: Dataset = {};
  for (const row of WORKLIST_TABLE.keys) {
    const found = elementAt(attributes, row.path, row.tag);
    if (!found) continue;
    for (const tag of row[target] ?? []) mapped[tag] ??= found;
  }
  return mapped;
}

/** The item of Request Attributes Sequence (0040,0275): PS3.3 table 10-9. */
export function requestAttributes(attributes: Readonly<Dataset>): Dataset {
  const request: Dataset = {};
  for (const row of WORKLIST_TABLE.keys) {
    const found = row.request && elementAt(attributes, row.path, row.tag);
    if (found) request[row.tag] ??= found;
  }
  return request;
}

/**
 * The answer reduced to the return keys, and of the step sequence to its first item, so that it is plain JSON.
 * Keys that an SCP gave back empty inside an item are left out, and so are items of nothing else: a coded term goes into
 * objects as it is, and there an empty Coding Scheme Version is an error.
 */
export function keepReturnKeys(answer: Readonly<Dataset>, path: readonly string[] = []): Dataset {
  const reduced: Dataset = {};
  for (const row of WORKLIST_TABLE.keys) {
    if (row.path.join() !== path.join()) continue;
    const found = answer[row.tag];
    if (!found || (path.length > 0 && found.Value.length === 0)) continue;
    const below = [...path, row.tag];
    const kept = found.Value.map((value) => {
      if (isDataset(value)) return keepReturnKeys(value, below);
      return typeof value === 'number' ? value : String(value);
    });
    const Value = kept.filter((value) => typeof value !== 'object' || Object.keys(value).length > 0);
    reduced[row.tag] = { vr: row.vr, Value: row.name === 'ScheduledProcedureStepSequence' ? Value.slice(0, 1) : Value };
  }
  return reduced;
}
