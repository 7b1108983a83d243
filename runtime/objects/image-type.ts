import { readTable } from '../../hal/base/table.js';

/** One combination of Image Type (0008,0008). */
export interface ImageTypeRow {
  /** Of those that are made. */
  key?: string;
  /** Of the statement. */
  table: number;
  name: string;
  /** CT, SC, SR or PT. */
  iod: string;
  /** Value by value; several where any of them may stand. */
  values: (string | string[])[];
  /** What stands in images and lists. */
  text?: string | string[];
}

const TABLE: { rows: readonly ImageTypeRow[] } = readTable(import.meta.url, '../dicom/tables/image-types.json');

export const IMAGE_TYPES = TABLE.rows;

const MADE = new Map(TABLE.rows.flatMap((row) => (row.key ? [[row.key, row] as const] : [])));

/** Values of Image Type of what is made here; of alternatives the first. */
export function imageType(key: 'spiral' | 'topogram' | 'pet'): string[] {
  return MADE.get(key)!.values.map((value) => (typeof value === 'string' ? value : value[0]!));
}
