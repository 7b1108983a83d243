import { type Dataset, type Element, isDataset } from '../dataset/dataset.js';
import { tagOf } from '../dataset/dictionary.js';
import type { Reply } from '../dimse/performer.js';
import type { QueryItem, QueryKey } from './query-scp-matching.js';
import { matchesKeys, trimmed } from './query-scp-matching.js';
import {
  attributesAt,
  levelsOf,
  QUERY_STATUS,
  type QueryAttribute,
  type QueryLevel,
  type QueryModel,
  uniqueKey,
} from './query-scp-model.js';
import { intervalOf, isTime, parseRange } from './query-scp-range.js';
import { asPattern } from './query-scp-wildcard.js';

/** A C-FIND request, checked. */
export interface Query {
  model: QueryModel;
  level: QueryLevel;
  /** The unique keys of the levels above first, then those asked for at the level. Universal ones are there to be returned. */
  keys: readonly QueryKey[];
  /** Attributes of the answer that tell where the object is, by tag. */
  location: ReadonlySet<string>;
  /** False when something was asked that is not supported for matching or for existence: answered FF01. */
  supported: boolean;
  /** True for an entity that satisfies every key. */
  accept(item: QueryItem): boolean;
}

/** What an identifier is refused with. */
export type Refusal = Reply;

const LEVEL_TAG = tagOf('QueryRetrieveLevel');
/** Where an object can be had; answered by the service itself. */
export const LOCATION = {
  retrieveAeTitle: tagOf('RetrieveAETitle'),
  availability: tagOf('InstanceAvailability'),
  fileSetId: tagOf('StorageMediaFileSetID'),
  fileSetUid: tagOf('StorageMediaFileSetUID'),
} as const;
const LOCATION_TAGS = new Set<string>(Object.values(LOCATION));
/** They say how the identifier is written, and ask nothing. */
const CONTEXT_TAGS = new Set([LEVEL_TAG, tagOf('SpecificCharacterSet'), tagOf('TimezoneOffsetFromUTC')]);

export function refuse(tag: string, comment: string): Refusal {
  const status = QUERY_STATUS.identifierMismatch;
  return { status, comment, fields: { OffendingElement: [tag] } };
}

export function isRefusal(value: object): value is Refusal {
  return 'status' in value;
}

/** The level that an identifier names, if the model has it. */
export function readLevel(model: QueryModel, identifier: Dataset): QueryLevel | Refusal {
  const asked = String(identifier[LEVEL_TAG]?.Value[0] ?? '').trim();
  const levels = levelsOf(model);
  const level = levels.find((candidate) => candidate === asked);
  if (level) return level;
  return refuse(LEVEL_TAG, `Query/Retrieve Level '${asked.slice(0, 16)}' is none of ${levels.join(', ')}`);
}

/** The unique keys of the levels above one, each with its one value: no relational queries. */
export function readPath(model: QueryModel, level: QueryLevel, identifier: Dataset): QueryKey[] | Refusal {
  const levels = levelsOf(model);
  const keys: QueryKey[] = [];
  for (const above of levels.slice(0, levels.indexOf(level))) {
    const attribute = uniqueKey(above);
    const [value, ...more] = valuesOf(attribute, identifier[attribute.tag]);
    const single = value !== undefined && more.length === 0 && !/[*?]/.test(value);
    if (!single) return refuse(attribute.tag, `${attribute.keyword} must have a single value at ${level} level`);
    keys.push({ attribute, kind: 'single', values: [value], items: [] });
  }
  return keys;
}

/** Checks a C-FIND identifier against a model: the statement's tables 18 to 26. */
export function readQuery(model: QueryModel, identifier: Dataset): Query | Refusal {
  const level = readLevel(model, identifier);
  if (typeof level !== 'string') return level;
  const path = readPath(model, level, identifier);
  if (isRefusal(path)) return path;
  const above = new Set(path.map(({ attribute }) => attribute.tag));
  const rest = Object.entries(identifier).filter(([tag]) => !CONTEXT_TAGS.has(tag) && !above.has(tag));
  const location = rest.filter(([tag]) => LOCATION_TAGS.has(tag));
  const read = readKeys(attributesAt(model, level), Object.fromEntries(rest), LOCATION_TAGS);
  if (isRefusal(read)) return read;
  const keys = [...path, ...read.keys];
  return {
    model,
    level,
    keys,
    location: new Set(location.map(([tag]) => tag)),
    supported: read.supported && location.every(([, { Value }]) => Value.every((value) => value === '')),
    accept: (item) => matchesKeys(keys, item),
  };
}

interface ReadKeys {
  keys: QueryKey[];
  supported: boolean;
}

function readKeys(
  attributes: ReadonlyMap<string, QueryAttribute>,
  asked: Dataset,
  skip: ReadonlySet<string> = new Set(),
): ReadKeys | Refusal {
  const keys: QueryKey[] = [];
  let supported = true;
  for (const [tag, element] of Object.entries(asked)) {
    if (skip.has(tag)) continue;
    const attribute = attributes.get(tag);
    const read = attribute && readKey(attribute, element);
    if (read && isRefusal(read)) return read;
    if (read) keys.push(read.key);
    supported &&= read?.supported ?? false;
  }
  return { keys, supported };
}

function readKey(attribute: QueryAttribute, element: Element): { key: QueryKey; supported: boolean } | Refusal {
  if (attribute.items) return readSequence(attribute, attribute.items, element);
  const values = valuesOf(attribute, element);
  const universal: QueryKey = { attribute, kind: 'universal', values: [], items: [] };
  if (element.Value.some((value) => typeof value === 'object')) {
    return refuse(attribute.tag, `${attribute.keyword} must be text of VR ${attribute.vr}`);
  }
  if (values.every((value) => value === '*' || (value === '-' && isTime(attribute.vr))))
    return { key: universal, supported: true };
  const { kinds, vr, keyword, tag } = attribute;
  if (kinds.every((kind) => kind === 'universal')) return { key: universal, supported: false };
  if (isTime(vr)) {
    const wrong = values.find((value) => !parseRange(vr, value));
    if (wrong !== undefined) return refuse(tag, `${keyword} '${wrong.slice(0, 26)}' is no ${vr} and no range of them`);
    const kind = values.every((value) => intervalOf(vr, value)) ? 'single' : 'range';
    return { key: { attribute, kind, values, items: [] }, supported: true };
  }
  const wild = kinds.includes('wildcard') && values.some((value) => /[*?]/.test(value));
  if (wild) return { key: { attribute, kind: 'wildcard', values: values.map(asPattern), items: [] }, supported: true };
  // several values of what takes one are any of them: nobody means a value with a backslash in it
  const kind = kinds.includes('multiple') ? 'multiple' : values.length > 1 ? 'list' : 'single';
  return { key: { attribute, kind, values, items: [] }, supported: true };
}

function readSequence(
  attribute: QueryAttribute,
  rows: readonly QueryAttribute[],
  element: Element,
): { key: QueryKey; supported: boolean } | Refusal {
  const { keyword, tag } = attribute;
  const items = element.Value.filter(isDataset);
  if (items.length !== element.Value.length || items.length > 1) {
    return refuse(tag, `${keyword} must hold one item, or none`);
  }
  const byTag = new Map(rows.map((row) => [row.tag, row]));
  const asked = items[0] ?? {};
  // an empty item asks for the whole one: PS3.4 C.2.2.2.6
  const whole = Object.keys(asked).length === 0;
  const all: Dataset = Object.fromEntries(rows.map(({ tag: inner, vr }) => [inner, { vr, Value: [] }]));
  const read = readKeys(byTag, whole ? all : asked);
  if (isRefusal(read)) return read;
  return { key: { attribute, kind: 'sequence', values: [], items: read.keys }, supported: read.supported };
}

/** The values of a key as text, without empty ones. */
function valuesOf({ vr }: QueryAttribute, element: Element | undefined): string[] {
  const values = (element?.Value ?? []).filter((value) => typeof value !== 'object');
  return values.map((value) => trimmed(vr, String(value))).filter((value) => value !== '');
}
