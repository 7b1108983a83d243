import { ScannerError } from '../../../hal/base/errors.js';
import { type Dataset, type Element, isDataset, set, type Value } from './dataset.js';
import { keywordOf, vrOf } from './dictionary.js';

/** A dataset as people write it in JSON: keyword to value, list of values, or list of items. */
export interface PlainDataset {
  [keyword: string]: PlainValue | readonly PlainValue[] | null;
}
export type PlainValue = string | number | PlainDataset;

/** @throws ScannerError bug.contract for an unknown keyword, data.invalid where a sequence holds no items or an element holds some */
export function fromPlain(plain: PlainDataset): Dataset {
  const ds: Dataset = {};
  for (const [keyword, value] of Object.entries(plain)) {
    const values = value === null ? [] : Array.isArray(value) ? (value as PlainValue[]) : [value as PlainValue];
    set(ds, keyword, ...values.map((one): Value => (typeof one === 'object' ? fromPlain(one) : one)));
  }
  for (const [tag, { vr, Value }] of Object.entries(ds)) {
    if (Value.every((value) => isDataset(value) === (vr === 'SQ'))) continue;
    throw new ScannerError('data.invalid', {
      what: keywordOf(tag) ?? tag,
      message: 'items belong into sequences, and only there',
    });
  }
  return ds;
}

/** Elements that the dictionary knows and JSON can hold; bytes are left out. */
export function toPlain(ds: Dataset): PlainDataset {
  const plain: PlainDataset = {};
  for (const tag of Object.keys(ds).sort()) {
    const element = ds[tag]!;
    const keyword = keywordOf(tag);
    if (keyword && vrOf(tag) !== 'UN') plain[keyword] = plainValue(element);
  }
  return plain;
}

function plainValue({ vr, Value }: Element): PlainValue | PlainValue[] | null {
  const values = Value.flatMap((value): PlainValue[] => {
    if (value instanceof Uint8Array) return [];
    if (isDataset(value)) return [toPlain(value)];
    return [typeof value === 'bigint' ? String(value) : value];
  });
  if (vr === 'SQ' || values.length > 1) return values;
  return values[0] ?? null;
}
