import { ScannerError } from '../../hal/base/errors.js';
import { type Dataset, isDataset, reserveBlock, setElement, setPrivate, type Value } from '../dicom/dataset/dataset.js';
import { vrRule } from '../dicom/dataset/dictionary.js';
import { decimal, integer } from './decimal.js';

/** One attribute of a module or of a service: where its value comes from, and what its absence means. */
export interface AttributeRow {
  /** Sequences in which it stands; none when absent. */
  path?: string[];
  /** 'GGGGEEEE'; of a private element its block is written xx, and a creator's own is 'GGGG00xx'. */
  tag: string;
  name: string;
  vr: string;
  /** PS3.5 7.4. */
  type: string;
  /** Always this. */
  value?: (string | number)[];
  /** The scope's field of that name. */
  from?: string;
  /** Taken from the worklist item's mapping where the scope has nothing: statement Table 60. */
  worklist?: boolean;
  /** A sequence with one item for each scope of that field. */
  each?: string;
  /** Of a private element. */
  creator?: string;
  /** Where the value comes from, for people. */
  rule?: string;
  /** Where it departs from the statement, and why. */
  note?: string;
}

export type ScopeValue = Value | readonly Value[] | undefined;

/** Values by the names that rows use. */
export interface Scope {
  [field: string]: ScopeValue | readonly Scope[];
}

/**
 * Makes a dataset from rows. A row without value is left out when its type is 3 or conditional, has zero length when it is 2, or 2C
 * and the scope has an empty text.
 * @param mapped what worklist rows may fall back on, by tag
 * @throws ScannerError data.missing when a type 1 attribute has no value
 */
export function fillRows(
  rows: readonly AttributeRow[],
  scope: Scope,
  mapped: Readonly<Dataset> = {},
  path: readonly string[] = [],
): Dataset {
  const ds: Dataset = {};
  for (const row of rows) {
    if ((row.path ?? []).join() !== path.join()) continue;
    const values = valuesOf(rows, row, scope, mapped, path);
    if (row.creator) fillPrivate(ds, row, row.creator, values);
    else if (values.length > 0) setElement(ds, row.tag, row.vr, values);
    else if (row.type === '1') throw new ScannerError('data.missing', { what: row.name });
    else if (row.type === '2' || row.value || isUnknown(row, scope)) setElement(ds, row.tag, row.vr, []);
  }
  return ds;
}

/** Creators say where their elements stand: a row of the creator alone reserves its block. */
function fillPrivate(ds: Dataset, { tag, vr }: AttributeRow, creator: string, values: Value[]): void {
  const group = tag.slice(0, 4);
  const element = tag.slice(6);
  if (element === 'xx') reserveBlock(ds, creator, group);
  else if (values.length > 0) setPrivate(ds, creator, group, element, vr, values);
}

function valuesOf(
  rows: readonly AttributeRow[],
  row: AttributeRow,
  scope: Scope,
  mapped: Readonly<Dataset>,
  path: readonly string[],
): Value[] {
  if (row.value) return row.value.map((value) => written(value, row.vr));
  if (row.each) {
    const scopes = (scope[row.each] ?? []) as readonly Scope[];
    return scopes.map((item) => fillRows(rows, item, mapped, [...path, row.tag]));
  }
  const own = row.from === undefined ? [] : listOf(scope[row.from] as ScopeValue);
  if (own.length > 0 || !row.worklist) return own.map((value) => written(value, row.vr));
  return [...(mapped[row.tag]?.Value ?? [])];
}

/** A condition that holds, and nobody knows the value: the scope says so by an empty text. */
function isUnknown({ type, from }: AttributeRow, scope: Scope): boolean {
  return type === '2C' && from !== undefined && scope[from] === '';
}

function listOf(value: ScopeValue): Value[] {
  const list = Array.isArray(value) ? (value as readonly Value[]) : [value as Value | undefined];
  return list.filter((one) => one !== undefined && one !== '') as Value[];
}

/** A value as its VR wants it: numbers of DS and IS as strings that fit, text no longer than the VR allows. */
function written(value: Value, vr: string): Value {
  if (typeof value === 'number' && vr === 'DS') return decimal(value);
  if (typeof value === 'number' && vr === 'IS') return integer(value);
  const max = vrRule(vr)?.max;
  if (typeof value === 'string' && max && value.length > max && !isDataset(value)) return value.slice(0, max);
  return value;
}
