import type { Dataset, Element, Value } from '../dataset/dataset.js';
import { vrRule } from '../dataset/dictionary.js';
import { chooseCharacterSet } from '../dataset/text.js';
import { LOCATION, type Query } from './query-scp-identifier.js';
import {
  isUniversal,
  itemsOf,
  matchesKeys,
  type QueryItem,
  type QueryKey,
  type QueryValue,
  textsOf,
} from './query-scp-matching.js';
import { levelsOf } from './query-scp-model.js';

/** One patient, study, series or instance that a query found. */
export interface QueryRow {
  readonly values: QueryItem;
  /** Specific Character Set of the object that the values come from; empty for the default repertoire. */
  readonly characterSet: string;
}

const UNICODE = 'ISO_IR 192';
/** Left out of an answer when nothing is known, though asked: statement, 3.4.3.1.3. */
const ABSENT_WHEN_EMPTY = new Set(['ImageComments']);

/**
 * The identifier of a C-FIND response: what was asked for, its level, and where the object can be had.
 * @param retrieveAeTitle told at the lowest level of the model alone, as the statement has it
 */
export function answerOf(query: Query, row: QueryRow, retrieveAeTitle: string): Dataset {
  const answer: Dataset = {
    '00080052': { vr: 'CS', Value: [query.level] },
    ...locationOf(query, retrieveAeTitle),
    ...elementsOf(query.keys, row.values),
  };
  const charset = characterSetFor(answer, row.characterSet);
  return charset ? { '00080005': { vr: 'CS', Value: charset.split('\\') }, ...answer } : answer;
}

function locationOf(query: Query, retrieveAeTitle: string): Dataset {
  const { level, location } = query;
  const out: Dataset = {};
  const always = level !== 'PATIENT';
  if (always || location.has(LOCATION.retrieveAeTitle)) {
    const lowest = levelsOf(query.model).at(-1) === level;
    out[LOCATION.retrieveAeTitle] = { vr: 'AE', Value: lowest ? [retrieveAeTitle] : [] };
  }
  if (always || location.has(LOCATION.fileSetId)) out[LOCATION.fileSetId] = { vr: 'SH', Value: [] };
  if (location.has(LOCATION.fileSetUid)) out[LOCATION.fileSetUid] = { vr: 'UI', Value: [] };
  if (location.has(LOCATION.availability)) {
    out[LOCATION.availability] = { vr: 'CS', Value: level === 'IMAGE' ? ['ONLINE'] : [] };
  }
  return out;
}

function elementsOf(keys: readonly QueryKey[], item: QueryItem): Dataset {
  const out: Dataset = {};
  for (const key of keys) {
    const { keyword, tag } = key.attribute;
    const element = elementOf(key, item[keyword]);
    if (element.Value.length > 0 || !ABSENT_WHEN_EMPTY.has(keyword)) out[tag] = element;
  }
  return out;
}

function elementOf(key: QueryKey, value: QueryValue | undefined): Element {
  const { vr } = key.attribute;
  if (key.kind !== 'sequence') return { vr, Value: valuesFor(vr, textsOf(value)) };
  const items = itemsOf(value).filter((item) => isUniversal(key) || matchesKeys(key.items, item));
  return { vr, Value: items.map((item) => elementsOf(key.items, item)) };
}

/** Values that can be written: what an object holds against its VR must not end the association. */
function valuesFor(vr: string, texts: readonly string[]): Value[] {
  const kind = vrRule(vr)?.kind;
  if (kind === 'number') return texts.map(Number).filter(Number.isFinite);
  if (kind === 'text' || kind === 'paragraph') return [...texts];
  return texts.map((text) => text.replace(/[^\x20-\x7e]/g, '?'));
}

/** The object's own set when it holds all the text, as values of other objects may stand in the answer too; else Unicode. */
function characterSetFor(answer: Dataset, own: string): string | undefined {
  const texts = textsIn(answer);
  if (chooseCharacterSet(texts, ['ISO_IR 6'])) return undefined;
  return chooseCharacterSet(texts, [own, UNICODE]) ?? UNICODE;
}

function textsIn(ds: Dataset): string[] {
  return Object.values(ds).flatMap(({ vr, Value }) =>
    Value.flatMap((value) => {
      if (typeof value === 'string') return vrRule(vr)?.kind === 'ascii' ? [] : [value];
      return typeof value === 'object' && !(value instanceof Uint8Array) ? textsIn(value) : [];
    }),
  );
}
