import type { Millisecond } from '../../hal/base/units.js';

const two = (value: number) => String(value).padStart(2, '0');

/** DA of a scanner time, in the scanner's own time zone as DICOM wants it. */
export function daOf(time: Millisecond): string {
  const date = new Date(time);
  return `${String(date.getFullYear()).padStart(4, '0')}${two(date.getMonth() + 1)}${two(date.getDate())}`;
}

/** TM with microseconds. */
export function tmOf(time: Millisecond): string {
  const date = new Date(time);
  const fraction = Math.floor((time - Math.floor(time / 1000) * 1000) * 1000);
  return `${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}.${String(fraction).padStart(6, '0')}`;
}

/** DT without offset: Timezone Offset From UTC (0008,0201) says it for the whole object. */
export function dtOf(time: Millisecond): string {
  return daOf(time) + tmOf(time);
}

/** Timezone Offset From UTC, `+HHMM`, at that time. */
export function timezoneOf(time: Millisecond): string {
  const minutes = -new Date(time).getTimezoneOffset();
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}${two(size % 60)}`;
}

/** Age string `nnnY` (or months, weeks, days of the young) from a DA birth date; undefined when there is none. */
export function ageOf(birthDate: string, at: Millisecond): string | undefined {
  const match = /^(\d{4})(\d{2})(\d{2})$/.exec(birthDate);
  if (!match) return undefined;
  const birth = new Date(Number(match[1]), Number(match[2]) - 1, Number(match[3]));
  const now = new Date(at);
  const days = Math.floor((now.getTime() - birth.getTime()) / 86_400_000);
  if (days < 0) return undefined;
  let months = (now.getFullYear() - birth.getFullYear()) * 12 + now.getMonth() - birth.getMonth();
  if (now.getDate() < birth.getDate()) months--;
  const [value, unit] = months >= 24 ? [Math.floor(months / 12), 'Y'] : months >= 3 ? [months, 'M'] : [days, 'D'];
  return `${String(value).padStart(3, '0')}${unit}`;
}
