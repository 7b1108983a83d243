import { readTable } from '../../hal/base/table.js';
import { type Dataset, dataset, set } from '../dicom/dataset/dataset.js';
import { chooseCharacterSet } from '../dicom/dataset/text.js';
import { levelsOf as levelsOfModel, type QueryLevel, type QueryModel } from '../dicom/services/query-scp-model.js';

export type { QueryModel } from '../dicom/services/query-scp-model.js';
export type Level = QueryLevel;

/** One search key: statement Table 13. */
export interface SearchKey {
  keyword: string;
  levels: readonly Level[];
  /** What the user calls it; keys without one are only returned. */
  input?: string;
  /** A `*` is added to what the user entered: footnote d. */
  star?: boolean;
  /** At study level it goes only with the study root model: footnote c. */
  studyRootOnly?: boolean;
  /** Attributes of a sequence's items. */
  items?: readonly string[];
}

export const LEVELS: readonly Level[] = ['PATIENT', 'STUDY', 'SERIES', 'IMAGE'];
const TABLE: { keys: readonly SearchKey[] } = readTable(import.meta.url, '../dicom/tables/query-scu.json');
/** Search keys of the query SCU. */
export const SEARCH_KEYS = TABLE.keys;

/** Names under which keys may be entered. */
export const INPUTS: ReadonlySet<string> = new Set(SEARCH_KEYS.flatMap(({ input }) => input ?? []));

/** Which model serves a level when these are configured: 3.4.2.1.2. Undefined when none of them has the level. */
export function modelFor(level: Level, models: readonly QueryModel[]): QueryModel | undefined {
  // patient root is for the patient level only where study root stands beside it
  const order: readonly QueryModel[] =
    level === 'PATIENT' ? ['patient', 'patientStudy'] : ['study', 'patient', 'patientStudy'];
  return order.find((model) => models.includes(model) && levelsOfModel(model).includes(level));
}

/** The levels that these models can be asked for, from the top. */
export function levelsOf(models: readonly QueryModel[]): Level[] {
  return LEVELS.filter((level) => modelFor(level, models) !== undefined);
}

/** The lowest level at which one of the entered keys is asked for. */
export function depthOf(inputs: Readonly<Record<string, string>>, levels: readonly Level[]): Level | undefined {
  const named = SEARCH_KEYS.filter(({ input }) => input !== undefined && inputs[input]);
  const deepest = named.map((key) => Math.min(...key.levels.map((level) => LEVELS.indexOf(level)).filter(known)));
  return LEVELS[Math.max(-1, ...deepest)];

  function known(index: number): boolean {
    return levels.includes(LEVELS[index]!);
  }
}

/**
 * The identifier of one query: the level's keys with what the user entered, and the unique keys of the levels above.
 * @param above unique keys and their values, by keyword
 */
export function identifierFor(
  level: Level,
  model: QueryModel,
  inputs: Readonly<Record<string, string>>,
  above: Readonly<Record<string, string>> = {},
): Dataset {
  const identifier = dataset({ QueryRetrieveLevel: level });
  const written: string[] = [];
  for (const key of SEARCH_KEYS) {
    const patientRoot = level === 'STUDY' && model !== 'study';
    if (!key.levels.includes(level) || (key.studyRootOnly && patientRoot)) continue;
    const entered = key.input ? inputs[key.input] : undefined;
    if (entered) written.push(entered);
    if (key.items) set(identifier, key.keyword, dataset(Object.fromEntries(key.items.map((name) => [name, null]))));
    else if (entered) set(identifier, key.keyword, key.star && !entered.endsWith('*') ? `${entered}*` : entered);
    else set(identifier, key.keyword);
  }
  for (const [keyword, value] of Object.entries(above)) set(identifier, keyword, value);
  const characterSet = chooseCharacterSet(written, ['ISO_IR 6', 'ISO_IR 100', 'ISO_IR 192']);
  if (characterSet && characterSet !== 'ISO_IR 6') set(identifier, 'SpecificCharacterSet', characterSet);
  return identifier;
}
