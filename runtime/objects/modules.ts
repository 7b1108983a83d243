import { readTable } from '../../hal/base/table.js';
import { type Dataset, type Element, isDataset } from '../dicom/dataset/dataset.js';
import { vrRule } from '../dicom/dataset/dictionary.js';
import { chooseCharacterSet, definedTerms } from '../dicom/dataset/text.js';
import { type AttributeRow, fillRows, type Scope } from './fill.js';

export type IodName = 'ct' | 'pet' | 'csa' | 'doseReport';

interface ModuleTables {
  iods: Record<IodName, { sopClass: string; ref: string; modules: string[] }>;
  modules: Record<string, { ref: string; rows: AttributeRow[] }>;
}

const TABLES: Readonly<ModuleTables> = readTable(import.meta.url, '../dicom/tables/modules.json');
/** What has a row for each row of the statement: images, and modules of private elements. */
const STATEMENT: Readonly<ModuleTables['modules']> = {
  ...readTable<ModuleTables['modules']>(import.meta.url, '../dicom/tables/private-attributes.json'),
  'ct-attributes': readTable(import.meta.url, '../dicom/tables/ct-attributes.json'),
  'pet-attributes': readTable(import.meta.url, '../dicom/tables/pet-attributes.json'),
};

/** Group of the file's own elements, which whoever writes the file makes. */
const FILE_META = '0002';

export function sopClassOf(iod: IodName): string {
  return TABLES.iods[iod].sopClass;
}

/** All rows of an IOD, module after module; one that several modules have stands where the first has it. */
export function iodRows(iod: IodName): readonly AttributeRow[] {
  return IOD_ROWS[iod];
}

/** Rows of one module. */
export function moduleRows(name: string): readonly AttributeRow[] {
  return (STATEMENT[name] ?? TABLES.modules[name]!).rows;
}

const IOD_ROWS = Object.fromEntries(
  Object.entries(TABLES.iods).map(([iod, { modules }]) => [iod, withoutRepeats(modules.flatMap(moduleRows))]),
) as Record<IodName, AttributeRow[]>;

function withoutRepeats(rows: readonly AttributeRow[]): AttributeRow[] {
  const known = new Map<string, AttributeRow>();
  for (const row of rows) {
    const place = [...(row.path ?? []), row.tag, row.creator].join();
    if (!known.has(place)) known.set(place, row);
  }
  return [...known.values()];
}

/**
 * A dataset of an IOD: what the worklist gave, under what the modules say.
 * @throws ScannerError data.missing when a type 1 attribute has no value
 */
export function buildObject(iod: IodName, scope: Scope, mapped: Readonly<Dataset>): Dataset {
  const rows = iodRows(iod).filter(({ tag }) => !tag.startsWith(FILE_META));
  const filled = fillRows(rows, { ...scope, sopClassUid: sopClassOf(iod) }, mapped);
  const ds: Dataset = { ...mapped };
  for (const [tag, element] of Object.entries(filled)) {
    if (element.Value.length > 0 || !ds[tag]) ds[tag] = element;
  }
  return ds;
}

/**
 * Declares a character set that can write all text of the object: what it came in (with its code extensions) where that
 * can, else Latin-1, else UTF-8.
 * @param preferred values of a Specific Character Set; empty for the default repertoire
 */
export function declareCharacterSet(ds: Dataset, preferred: readonly string[]): Dataset {
  const choices = [definedTerms(preferred), 'ISO_IR 100', 'ISO_IR 192'].filter((terms) => terms !== '');
  const set = chooseCharacterSet(textsOf(ds), choices) ?? 'ISO_IR 192';
  ds['00080005'] = { vr: 'CS', Value: set.split('\\') };
  return ds;
}

function textsOf(ds: Dataset): string[] {
  return Object.values(ds).flatMap((element: Element) => {
    const kind = vrRule(element.vr)?.kind;
    if (kind === 'sequence') return element.Value.flatMap((item) => (isDataset(item) ? textsOf(item) : []));
    return kind === 'text' || kind === 'paragraph' ? element.Value.map(String) : [];
  });
}
