import { type Dataset, type Element, isDataset } from './dataset.js';

/** VRs that ranges apply to: PS3.4 C.2.2.2.5. */
const RANGE_VRS = new Set(['DA', 'TM', 'DT']);
/** VRs that wild cards apply to: PS3.4 C.2.2.2.4. */
const WILD_VRS = new Set(['AE', 'CS', 'LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UR', 'UT']);

/** True when a stored dataset matches every key of a query: single value, list of UIDs, wild card, range, sequence and universal matching. */
export function matches(query: Dataset, stored: Dataset): boolean {
  return Object.entries(query).every(([tag, key]) => tag === '00080005' || matchesKey(key, stored[tag]));
}

/** What a query asks back: its keys with the stored values, zero-length where nothing is stored. */
export function project(query: Dataset, stored: Dataset): Dataset {
  const out: Dataset = {};
  for (const [tag, key] of Object.entries(query)) {
    if (tag === '00080005') continue;
    const element = stored[tag];
    out[tag] = !element ? { vr: key.vr, Value: [] } : key.vr === 'SQ' ? projectItems(key, element) : element;
  }
  const charset = stored['00080005'];
  return charset ? { '00080005': charset, ...out } : out;
}

function projectItems(key: Element, element: Element): Element {
  const inner = key.Value.find(isDataset);
  if (!inner || Object.keys(inner).length === 0) return element;
  const found = element.Value.filter(isDataset).filter((item) => matches(inner, item));
  return { vr: 'SQ', Value: found.map((item) => project(inner, item)) };
}

function matchesKey(key: Element, element: Element | undefined): boolean {
  if (key.Value.length === 0) return true;
  if (key.vr === 'SQ') {
    const inner = key.Value.find(isDataset);
    if (!inner || Object.keys(inner).length === 0) return true;
    const items = element?.Value.filter(isDataset) ?? [];
    return items.length > 0 ? items.some((item) => matches(inner, item)) : matches(inner, {});
  }
  const wanted = key.Value.map((value) => String(value).trim());
  if (wanted.every((value) => value === '' || value === '*')) return true;
  const values = (element?.Value ?? []).map((value) => String(value).trim());
  return wanted.some((want) => values.some((value) => matchesValue(key.vr, want, value)));
}

function matchesValue(vr: string, want: string, value: string): boolean {
  if (RANGE_VRS.has(vr) && want.includes('-')) return inRange(want, value);
  if (RANGE_VRS.has(vr)) return value.startsWith(want) || want.startsWith(value);
  if (!WILD_VRS.has(vr)) return want === value;
  if (vr !== 'PN') return globMatches(want, value);
  // names match whatever their case (PS3.4 C.2.2.2.1 leaves it open, and people type as they like), whole or in one of their
  // alphabetic, ideographic and phonetic representations
  const name = withoutTail(want).toLowerCase();
  const stored = value.toLowerCase();
  return [stored, ...stored.split('=')].some((one) => globMatches(name, withoutTail(one)));
}

/** `*` stands for any characters, also none, `?` for one: PS3.4 C.2.2.2.4. Takes time by the product of the lengths at most. */
function globMatches(want: string, value: string): boolean {
  const [pattern, text] = [[...want], [...value]];
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let i = 0; i < text.length; ) {
    if (pattern[at] === '*') {
      star = at++;
      resume = i;
    } else if (at < pattern.length && (pattern[at] === '?' || pattern[at] === text[i])) {
      at++;
      i++;
    } else if (star >= 0) {
      at = star + 1; // the last star takes one character more
      i = ++resume;
    } else return false;
  }
  return pattern.slice(at).every((character) => character === '*');
}

function inRange(range: string, value: string): boolean {
  const dash = range.indexOf('-');
  const from = range.slice(0, dash);
  const to = range.slice(dash + 1);
  // an end like 10 means until 10:59:59: compare as many characters as it has
  return (from === '' || value >= from) && (to === '' || value.slice(0, to.length) <= to);
}

/** A name without the empty components at its end. */
function withoutTail(name: string): string {
  return name.replace(/\^+$/, '');
}
