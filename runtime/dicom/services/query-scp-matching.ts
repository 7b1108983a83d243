import type { MatchingKind, QueryAttribute } from './query-scp-model.js';
import { personNameMatches } from './query-scp-names.js';
import { inInterval, isTime, parseRange, sameMoment } from './query-scp-range.js';
import { globMatches } from './query-scp-wildcard.js';

/** Attributes of an entity of the index by keyword: values as text, or the items of a sequence. */
export interface QueryItem {
  readonly [keyword: string]: QueryValue | undefined;
}
export type QueryValue = readonly string[] | readonly QueryItem[];

/** One key of a query: what is asked of an attribute, and how. */
export interface QueryKey {
  attribute: QueryAttribute;
  kind: MatchingKind;
  /** As asked; wild cards are `*` alone. Empty for universal matching and for sequences. */
  values: readonly string[];
  /** Keys of the items of a sequence. */
  items: readonly QueryKey[];
}

/** True when an entity satisfies every key. */
export function matchesKeys(keys: readonly QueryKey[], item: QueryItem): boolean {
  return keys.every((key) => matchesKey(key, item[key.attribute.keyword]));
}

/** A sequence matches when one of its items satisfies all keys of the item: PS3.4 C.2.2.2.6. */
export function matchesKey(key: QueryKey, value: QueryValue | undefined): boolean {
  if (key.kind === 'universal') return true;
  if (key.kind === 'sequence') {
    if (key.items.every(isUniversal)) return true;
    return itemsOf(value).some((item) => matchesKeys(key.items, item));
  }
  const stored = textsOf(value).map((text) => trimmed(key.attribute.vr, text));
  const test = testOf(key);
  return stored.some((text) => text !== '' && test(text));
}

/** True for a key that every entity satisfies. */
export function isUniversal(key: QueryKey): boolean {
  return key.kind === 'universal' || (key.kind === 'sequence' && key.items.every(isUniversal));
}

export function itemsOf(value: QueryValue | undefined): readonly QueryItem[] {
  return (value ?? []).filter((one): one is QueryItem => typeof one === 'object');
}

export function textsOf(value: QueryValue | undefined): readonly string[] {
  return (value ?? []).filter((one): one is string => typeof one === 'string');
}

/** A value without the padding that its VR lets vanish: PS3.5 6.2. */
export function trimmed(vr: string, text: string): string {
  return KEEPS_LEADING.has(vr) ? text.trimEnd() : text.trim();
}

const KEEPS_LEADING = new Set(['LT', 'ST', 'UT', 'UC']);
const NUMBERS = new Set(['IS', 'DS', 'US', 'SS', 'UL', 'SL']);

type Test = (stored: string) => boolean;

/** Tests are made once a key: a list of UIDs may be long, and the entities many. */
const tests = new WeakMap<QueryKey, Test>();

function testOf(key: QueryKey): Test {
  let test = tests.get(key);
  if (!test) tests.set(key, (test = makeTest(key)));
  return test;
}

function makeTest({ attribute: { vr, keyword }, kind, values }: QueryKey): Test {
  if (kind === 'range') {
    const intervals = values.flatMap((value) => parseRange(vr, value) ?? []);
    return (stored) => intervals.some((interval) => inInterval(vr, interval, stored));
  }
  // the rules of 3.4.3.1.3 are the patient's alone; every other attribute is compared case by case
  if (keyword === 'PatientName') return (stored) => values.some((value) => personNameMatches(value, stored));
  if (kind === 'wildcard') return (stored) => values.some((value) => globMatches(value, stored));
  if (isTime(vr)) return (stored) => values.some((value) => sameMoment(vr, value, stored));
  if (NUMBERS.has(vr)) return (stored) => values.some((value) => sameNumber(value, stored));
  const wanted = new Set(values);
  return (stored) => wanted.has(stored);
}

/** 5, 05 and 5.0 are one number; what is no number is compared as text. */
function sameNumber(a: string, b: string): boolean {
  if (a === b) return true;
  const [left, right] = [Number(a), Number(b)];
  return a !== '' && b !== '' && Number.isFinite(left) && left === right;
}
