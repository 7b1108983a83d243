import type { Condition } from '../../archive/query.js';
import type { QueryKey } from '../../dicom/services/query-scp-matching.js';
import { intervalOf, isTime, parseRange } from '../../dicom/services/query-scp-range.js';

/** VRs whose values may be spelt in more than one way: the index compares text and would leave matches out. */
const SPELT_FREELY = new Set(['DS', 'IS', 'SL', 'SS', 'UL', 'US']);

/**
 * What the index can narrow a query with: never less than what matches.
 * Keys that it cannot help with are left to the query's `accept`.
 */
export function conditionsOf(keys: readonly QueryKey[]): Record<string, Condition> {
  const conditions: Record<string, Condition> = {};
  for (const key of keys) {
    const condition = conditionOf(key);
    if (condition) conditions[key.attribute.keyword] = condition;
  }
  return conditions;
}

function conditionOf({ attribute: { keyword, vr }, kind, values }: QueryKey): Condition | undefined {
  const [value, ...more] = values;
  if (value === undefined || SPELT_FREELY.has(vr)) return undefined;
  if (isTime(vr)) return more.length === 0 ? timeCondition(vr, value) : undefined;
  if (keyword === 'PatientName') return more.length === 0 ? { match: 'name', pattern: value } : undefined;
  if (kind === 'wildcard') return more.length === 0 ? { match: 'wildcard', pattern: value } : undefined;
  return more.length === 0 ? { match: 'value', value } : { match: 'list', values };
}

/** A time may be stored with fewer digits than it is asked with, so its first end loses the zeros that say nothing. */
function timeCondition(vr: string, value: string): Condition | undefined {
  if (vr === 'DT') return undefined;
  const interval = intervalOf(vr, value) ? momentOf(vr, value) : parseRange(vr, value);
  if (!interval) return undefined;
  const from = vr === 'TM' ? interval.from?.replace(/(00)?(00)?\.0+$/, '') : interval.from;
  return { match: 'range', from, to: interval.to };
}

function momentOf(vr: string, value: string): { from: string; to: string } {
  const { from } = intervalOf(vr, value)!;
  return { from, to: from };
}
