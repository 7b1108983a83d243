import { ScannerError } from '../../hal/base/errors.js';
import { type Dataset, dataset } from '../dicom/dataset/dataset.js';
import { decimal } from './decimal.js';

/** Code value, scheme and meaning. */
export type Term = readonly [value: string, scheme: string, meaning: string];

/** One content item of a template: PS3.16. Rows of the next level that follow stand in it. */
export interface ContentRow {
  level: number;
  relation: string;
  type: 'CONTAINER' | 'CODE' | 'NUM' | 'TEXT' | 'UIDREF' | 'DATETIME';
  concept: Term;
  /** Template that a container begins. */
  template?: string;
  /** Always this. */
  value?: Term | string;
  /** The scope's field of that name; without a value there is no item. */
  from?: string;
  /** UCUM code and meaning of a number. */
  unit?: readonly [string, string];
  /** A container for each scope of that field. */
  each?: string;
}

export type ContentValue = string | number | Term | undefined;
export interface ContentScope {
  [field: string]: ContentValue | readonly ContentScope[];
}

/** Items of a Content Sequence (0040,A730) from rows of one level and those below them. */
export function contentItems(rows: readonly ContentRow[], scope: ContentScope): Dataset[] {
  const level = rows[0]?.level;
  return rows.flatMap((row, index) => {
    if (row.level !== level) return [];
    const end = rows.findIndex((next, i) => i > index && next.level <= row.level);
    const below = rows.slice(index + 1, end < 0 ? undefined : end);
    const scopes = row.each ? (scope[row.each] as readonly ContentScope[]) : [scope];
    return scopes.map((own) => itemOf(row, below, own)).filter((item) => item !== undefined);
  });
}

function itemOf(row: ContentRow, below: readonly ContentRow[], scope: ContentScope): Dataset | undefined {
  const value = row.value ?? (row.from === undefined ? undefined : (scope[row.from] as ContentValue));
  if (row.type !== 'CONTAINER' && (value === undefined || value === '')) return undefined;
  const children = contentItems(below, scope);
  return dataset({
    RelationshipType: row.relation,
    ValueType: row.type,
    ConceptNameCodeSequence: termItem(row.concept),
    ...(row.type === 'CONTAINER' ? containerFields(row.template) : valueFields(row, value)),
    ...(children.length > 0 ? { ContentSequence: children } : {}),
  });
}

function containerFields(template: string | undefined): Record<string, string | Dataset> {
  return { ContinuityOfContent: 'SEPARATE', ...(template ? { ContentTemplateSequence: templateItem(template) } : {}) };
}

function valueFields({ type, unit, concept }: ContentRow, value: ContentValue): Record<string, string | Dataset> {
  if (type === 'CODE' && Array.isArray(value)) return { ConceptCodeSequence: termItem(value as Term) };
  if (type === 'NUM' && typeof value === 'number' && unit) {
    const units = termItem([unit[0], 'UCUM', unit[1]]);
    return {
      MeasuredValueSequence: dataset({ NumericValue: decimal(value), MeasurementUnitsCodeSequence: units }),
    };
  }
  if (type === 'TEXT') return { TextValue: String(value) };
  if (type === 'UIDREF') return { UID: String(value) };
  if (type === 'DATETIME') return { DateTime: String(value) };
  throw new ScannerError('bug.contract', { message: `${concept[2]}: no value of a ${type}` });
}

export function templateItem(template: string): Dataset {
  return dataset({ MappingResource: 'DCMR', TemplateIdentifier: template });
}

export function termItem([value, scheme, meaning]: Term): Dataset {
  return dataset({ CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning });
}
