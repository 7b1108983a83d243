/** Dates, times and moments as intervals of digits that compare as text. */

export interface Interval {
  /** First and last moment of it, padded to the precision of the VR; '' and undefined ends are open. */
  from?: string;
  to?: string;
}

interface Form {
  /** What a value looks like, its punctuation of ACR-NEMA days and its zone taken off. */
  digits: RegExp;
  first: string;
  last: string;
}

/** PS3.5 table 6.2-1. The whole part is YYYYMMDD, HHMMSS, or both; a fraction has up to six digits. */
const FORMS: Readonly<Record<string, Form>> = {
  DA: { digits: /^\d{8}$/, first: '00000000', last: '99999999' },
  TM: { digits: /^\d\d(\d\d(\d\d(\.\d{1,6})?)?)?$/, first: '000000.000000', last: '235959.999999' },
  DT: {
    digits: /^\d{4}(\d\d(\d\d(\d\d(\d\d(\d\d(\.\d{1,6})?)?)?)?)?)?$/,
    first: '00000101000000.000000',
    last: '99991231235959.999999',
  },
};

const ZONE = /[+-](0\d|1[0-4])[0-5]\d$/;

/**
 * What one stored value or one end of a range covers: 1030 is from 10:30:00 to 10:30:59.999999.
 * A zone in a DT is left out of the comparison: the values of one archive are local times.
 * @returns undefined for what is no value of the VR
 */
export function intervalOf(vr: string, value: string): Required<Interval> | undefined {
  const form = FORMS[vr];
  if (!form) return undefined;
  const digits = withoutMarks(vr, value.trim());
  if (!form.digits.test(digits)) return undefined;
  return { from: digits + form.first.slice(digits.length), to: digits + form.last.slice(digits.length) };
}

/**
 * A range `a-b`, `a-`, `-b` or a single value as the interval that matches.
 * @returns undefined for what is neither
 */
export function parseRange(vr: string, value: string): Interval | undefined {
  const whole = intervalOf(vr, value);
  if (whole) return whole;
  const dash = dashOf(vr, value);
  if (dash < 0) return undefined;
  const [from, to] = [value.slice(0, dash).trim(), value.slice(dash + 1).trim()];
  const first: Interval | undefined = from === '' ? {} : intervalOf(vr, from);
  const last: Interval | undefined = to === '' ? {} : intervalOf(vr, to);
  if (!first || !last) return undefined;
  return { from: first.from, to: last.to };
}

/** True when a stored value begins in the interval; a value that is none of the VR does not. */
export function inInterval(vr: string, { from, to }: Interval, value: string): boolean {
  const stored = intervalOf(vr, value)?.from;
  return stored !== undefined && (from === undefined || stored >= from) && (to === undefined || stored <= to);
}

/** True for two spellings of one date, time or moment: 1030 and 103000.00. */
export function sameMoment(vr: string, a: string, b: string): boolean {
  const moment = intervalOf(vr, a)?.from;
  return moment !== undefined && moment === intervalOf(vr, b)?.from;
}

/** True for the VRs that ranges apply to: PS3.4 C.2.2.2.5. */
export function isTime(vr: string): boolean {
  return vr in FORMS;
}

/** In a DT a dash may begin a zone: PS3.4 C.2.2.2.5. */
function dashOf(vr: string, value: string): number {
  if (vr !== 'DT') return value.indexOf('-');
  const zone = /^[\d.]+-(0\d|1[0-4])[0-5]\d-/.exec(value);
  return zone ? zone[0].length - 1 : value.indexOf('-');
}

function withoutMarks(vr: string, value: string): string {
  if (vr === 'DA') return value.replaceAll('.', '');
  if (vr === 'TM') return value.replaceAll(':', '');
  return value.replace(ZONE, '');
}
