/** The attributes that the index keeps of an object, by the level that they describe: the rows of tables/query.json. */

import { readTable } from '../../hal/base/table.js';
import { type Dataset, isDataset } from '../dicom/dataset/dataset.js';
import type { IndexItem, IndexValue, QueryLevel } from './query.js';

interface AttributeRow {
  keyword: string;
  tag: string;
  vr: string;
  level?: QueryLevel;
  /** Made from other rows of the index when asked for. */
  computed?: boolean;
  items?: AttributeRow[];
}

export const LEVELS = ['PATIENT', 'STUDY', 'SERIES', 'IMAGE'] as const satisfies readonly QueryLevel[];

const ROWS: readonly AttributeRow[] = readTable(import.meta.url, '../dicom/tables/query.json');
/** Top-level elements that the index reads: what it keeps, and what says how text is written. */
export const INDEXED_TAGS: ReadonlySet<string> = new Set([
  '00080005',
  ...ROWS.filter(({ computed }) => !computed).map(({ tag }) => tag),
]);
const COMPUTED = new Map(ROWS.flatMap(({ keyword, level, computed }) => (computed && level ? [[keyword, level]] : [])));

/** Attributes with a column of their own; the others of a level stand together in its `attributes`. */
export const COLUMNS: Readonly<Record<QueryLevel, Readonly<Record<string, string>>>> = {
  PATIENT: { PatientID: 'patient_id', PatientName: 'name', PatientBirthDate: 'birth_date', PatientSex: 'sex' },
  STUDY: {
    StudyInstanceUID: 'study_uid',
    StudyDate: 'date',
    StudyTime: 'time',
    StudyID: 'study_id',
    AccessionNumber: 'accession',
    StudyDescription: 'description',
  },
  SERIES: {
    SeriesInstanceUID: 'series_uid',
    Modality: 'modality',
    SeriesNumber: 'number',
    SeriesDescription: 'description',
    ProtocolName: 'protocol',
  },
  IMAGE: { SOPInstanceUID: 'sop_uid', SOPClassUID: 'class_uid', InstanceNumber: 'number' },
};

interface StoredRow extends AttributeRow {
  /** Where it stands alone; undefined for what stands with others. */
  column: string | undefined;
}

const BY_LEVEL = Object.fromEntries(LEVELS.map((level) => [level, stored(level)])) as Record<QueryLevel, StoredRow[]>;

function stored(level: QueryLevel): StoredRow[] {
  const rows = ROWS.filter((entry) => entry.level === level && !entry.computed);
  return rows.map((entry) => ({ ...entry, column: COLUMNS[level][entry.keyword] }));
}

/** The keywords that are kept of a level. */
export function keywordsOf(level: QueryLevel): string[] {
  return BY_LEVEL[level].map(({ keyword }) => keyword);
}

/** The level of an attribute that is computed, undefined for others. */
export function computedLevel(keyword: string): QueryLevel | undefined {
  return COMPUTED.get(keyword);
}

/** One level's columns of an object: those of `COLUMNS` and `attributes`, a JSON object of what else it has. */
export function levelColumns(ds: Dataset, level: QueryLevel): Record<string, string> {
  const columns: Record<string, string> = {};
  const rest: Record<string, IndexValue> = {};
  for (const attribute of BY_LEVEL[level]) {
    const value = valuesOf(ds, attribute);
    if (attribute.column) columns[attribute.column] = value.length > 0 ? value.map(String).join('\\') : '';
    else if (value.length > 0) rest[attribute.keyword] = value;
  }
  columns.attributes = JSON.stringify(rest);
  return columns;
}

function valuesOf(ds: Dataset, attribute: AttributeRow): IndexValue {
  const values = ds[attribute.tag]?.Value;
  if (!values || values.length === 0) return [];
  if (attribute.items) {
    const { items } = attribute;
    return values.filter(isDataset).map((item) => itemOf(item, items));
  }
  // a NUL inside a text is padding gone astray, and no database takes it
  const texts = values.map((value) => (isDataset(value) ? '' : String(value).replaceAll('\0', '').trim()));
  if (attribute.vr === 'DA') return texts.filter(Boolean).map((text) => text.replaceAll('.', ''));
  return texts.some(Boolean) ? texts : [];
}

function itemOf(item: Dataset, attributes: readonly AttributeRow[]): IndexItem {
  const out: Record<string, IndexValue> = {};
  for (const attribute of attributes) {
    const value = valuesOf(item, attribute);
    if (value.length > 0) out[attribute.keyword] = value;
  }
  return out;
}
