import { ScannerError } from '../../../hal/base/errors.js';
import { isPrivate, tagOf, vrOf } from './dictionary.js';

/** A value of an element. Text is a string (DS and IS too, as read), binary numbers are numbers, SV and UV bigint, O* and UN bytes, AT a tag 'GGGGEEEE'. */
export type Value = string | number | bigint | Uint8Array | Dataset;

/** Where a value that was left in its file stands. */
export interface BulkRef {
  offset: number;
  /** Bytes; undefined for encapsulated pixel data. */
  length: number | undefined;
  /** The file is deflated: `offset` counts in the inflated dataset, not in the file. */
  inflated?: true;
  /** The file is big endian and the value made of words of so many bytes, each of them turned round. */
  bigEndianUnit?: 2 | 4 | 8;
}

export interface Element {
  vr: string;
  /** Empty for a zero-length element. */
  Value: Value[];
  /** Set by `readHeader` when the value was too big to load: `Value` is then empty. */
  bulk?: BulkRef;
  /** Encapsulated pixel data: `Value` holds its fragments, the offset table first (PS3.5 A.4). */
  encapsulated?: true;
}

/** Elements by tag 'GGGGEEEE', upper case. Order does not matter: writing sorts. */
export interface Dataset {
  [tag: string]: Element;
}

export function element(ds: Dataset, keyword: string): Element | undefined {
  return ds[tagOf(keyword)];
}

/** True when the element is there, even with zero length. */
export function has(ds: Dataset, keyword: string): boolean {
  return element(ds, keyword) !== undefined;
}

/** The values as text, trimmed of padding; [] when absent or empty. */
export function texts(ds: Dataset, keyword: string): string[] {
  return (element(ds, keyword)?.Value ?? []).map((value) => String(value).trim());
}

/** The first value as text, or undefined when absent or empty. */
export function text(ds: Dataset, keyword: string): string | undefined {
  return texts(ds, keyword)[0] || undefined;
}

/**
 * The first value as text.
 * @throws ScannerError data.missing when absent or empty
 */
export function needText(ds: Dataset, keyword: string): string {
  const value = text(ds, keyword);
  if (value === undefined) throw new ScannerError('data.missing', { what: keyword });
  return value;
}

/** The values as numbers, also of DS and IS; what is no number is NaN. */
export function numbers(ds: Dataset, keyword: string): number[] {
  return (element(ds, keyword)?.Value ?? []).map((value) => (value === '' ? Number.NaN : Number(value)));
}

/** The first value as a number, or undefined when absent, empty or not a finite number. */
export function number(ds: Dataset, keyword: string): number | undefined {
  const value = numbers(ds, keyword)[0];
  return value !== undefined && Number.isFinite(value) ? value : undefined;
}

/** The first value's bytes of an O* or UN element. */
export function bytes(ds: Dataset, keyword: string): Uint8Array | undefined {
  const value = element(ds, keyword)?.Value[0];
  return value instanceof Uint8Array ? value : undefined;
}

/** The items of a sequence; [] when absent or empty. */
export function items(ds: Dataset, keyword: string): Dataset[] {
  return (element(ds, keyword)?.Value ?? []).filter(isDataset);
}

export function isDataset(value: Value): value is Dataset {
  return typeof value === 'object' && !(value instanceof Uint8Array);
}

/**
 * Sets an element by keyword or tag with the VR of the dictionary. No values, or undefined, make it zero-length.
 * @throws ScannerError bug.contract for an unknown keyword
 */
export function set(ds: Dataset, keyword: string, ...values: (Value | undefined)[]): Dataset {
  const tag = tagOf(keyword);
  return setElement(ds, tag, vrOf(tag), values.filter((value) => value !== undefined) as Value[]);
}

/** Sets an element with an explicit VR, e.g. OB for encapsulated pixel data or SS for signed pixel padding. */
export function setElement(ds: Dataset, keyword: string, vr: string, values: Value[]): Dataset {
  ds[tagOf(keyword)] = { vr, Value: values };
  return ds;
}

export function remove(ds: Dataset, keyword: string): Dataset {
  delete ds[tagOf(keyword)];
  return ds;
}

/** A dataset from keyword (or tag) and value; an array is several values, null and undefined a zero-length element. */
export function dataset(fields: Record<string, Value | readonly Value[] | null | undefined>): Dataset {
  const ds: Dataset = {};
  for (const [keyword, value] of Object.entries(fields)) {
    if (value === null || value === undefined) set(ds, keyword);
    else if (Array.isArray(value)) set(ds, keyword, ...(value as Value[]));
    else set(ds, keyword, value as Value);
  }
  return ds;
}

/** The private block (0x10 to 0xFF) which `creator` reserves in `group`, or undefined. */
export function privateBlock(ds: Dataset, creator: string, group: string): string | undefined {
  for (let block = 0x10; block <= 0xff; block++) {
    const hex = block.toString(16).toUpperCase();
    if (String(ds[`${group}00${hex}`]?.Value[0] ?? '').trim() === creator) return hex;
  }
  return undefined;
}

/**
 * Sets a private element, reserving the first free block for its creator when needed.
 * @param group odd group, 'GGGG'
 * @param element the element within the block, 'EE'
 */
export function setPrivate(
  ds: Dataset,
  creator: string,
  group: string,
  element: string,
  vr: string,
  values: Value[],
): Dataset {
  const block = reserveBlock(ds, creator, group);
  ds[(group + block + element).toUpperCase()] = { vr, Value: values };
  return ds;
}

/**
 * The block of a creator, reserved where it has none.
 * @throws ScannerError bug.contract when the group is even, limit.resource when all blocks are taken
 */
export function reserveBlock(ds: Dataset, creator: string, group: string): string {
  if (!isPrivate(`${group}0000`)) throw new ScannerError('bug.contract', { message: `group ${group} is not private` });
  const known = privateBlock(ds, creator, group);
  if (known !== undefined) return known;
  for (let free = 0x10; free <= 0xff; free++) {
    const hex = free.toString(16).toUpperCase();
    if (ds[`${group}00${hex}`]) continue;
    ds[`${group}00${hex}`] = { vr: 'LO', Value: [creator] };
    return hex;
  }
  throw new ScannerError('limit.resource', { what: `private blocks of ${group}`, max: 240 });
}

/** A private element by its creator, or undefined. */
export function getPrivate(ds: Dataset, creator: string, group: string, element: string): Element | undefined {
  const block = privateBlock(ds, creator, group);
  return block === undefined ? undefined : ds[(group + block + element).toUpperCase()];
}
