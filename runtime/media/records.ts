/** Directory records of objects: PS3.3 F.5 and Tables 98 and 99. */

import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';
import {
  type Dataset,
  dataset,
  type Element,
  element,
  getPrivate,
  items,
  set,
  setElement,
  setPrivate,
  text,
} from '../dicom/dataset/dataset.js';
import { tagOf } from '../dicom/dataset/dictionary.js';
import type { ReferencedFile } from './directory.js';
import { CSA_NON_IMAGE, mediaClass } from './profile.js';

interface StandardKey {
  keyword: string;
  type: string;
  /** Where the value comes from when the object has none of its own. */
  from?: readonly string[];
  /** What is written where type 1 asks for a value and the object has none. */
  otherwise?: string;
  /** Elements of a sequence's items; all of them when absent. */
  items?: readonly string[];
}

interface PrivateKey {
  creator: string;
  group: string;
  element: string;
  keyword: string;
  type: string;
}

type Key = StandardKey | PrivateKey;

const KEYS: Readonly<Record<string, readonly Key[]>> = readTable(import.meta.url, './records.json');
/** Relationship of the content items that a directory repeats: PS3.3 F.5.22. */
const CONCEPT_MODIFIER = 'HAS CONCEPT MOD';

/** The records that lead to an object, from the patient down. */
export interface RecordPath {
  patient: Dataset;
  study: Dataset;
  series: Dataset;
  leaf: Dataset;
}

/**
 * @param header of the object, its bulk values left out
 * @param icon item of the Icon Image Sequence
 * @throws ScannerError data.missing for an attribute without which there is no record, data.invalid for a class that media do not hold
 */
export function recordsOf(header: Dataset, file: Omit<ReferencedFile, 'fileId'>, icon?: Dataset): RecordPath {
  const found = mediaClass(file.sopClassUid);
  if (!found)
    throw new ScannerError('data.invalid', { what: 'SOP class', message: `${file.sopClassUid} has no record` });
  const leaf = keysOf(header, found.record);
  if (found.record === 'PRIVATE') set(leaf, 'PrivateRecordUID', CSA_NON_IMAGE);
  if (found.record === 'SR DOCUMENT') addReportKeys(leaf, header);
  if (icon) setElement(leaf, 'IconImageSequence', 'SQ', [icon]);
  set(leaf, 'ReferencedSOPClassUIDInFile', file.sopClassUid);
  set(leaf, 'ReferencedSOPInstanceUIDInFile', file.sopInstanceUid);
  set(leaf, 'ReferencedTransferSyntaxUIDInFile', file.transferSyntaxUid);
  const [patient, study, series] = ['PATIENT', 'STUDY', 'SERIES'].map((type) => keysOf(header, type)) as [
    Dataset,
    Dataset,
    Dataset,
  ];
  return { patient, study, series, leaf };
}

/** Says where the file of a record stands. */
export function refer(leaf: Dataset, fileId: readonly string[]): Dataset {
  return setElement({ ...leaf }, 'ReferencedFileID', 'CS', [...fileId]);
}

function keysOf(header: Dataset, record: string): Dataset {
  const out = dataset({ DirectoryRecordType: record });
  const characterSet = element(header, 'SpecificCharacterSet');
  if (characterSet && characterSet.Value.length > 0) setElement(out, 'SpecificCharacterSet', 'CS', characterSet.Value);
  for (const key of KEYS[record] ?? []) {
    if ('creator' in key) addPrivate(out, header, key);
    else addKey(out, header, key);
  }
  return out;
}

function addKey(out: Dataset, header: Dataset, key: StandardKey): void {
  const { keyword, type } = key;
  const tag = tagOf(keyword);
  const own = [keyword, ...(key.from ?? [])].map((name) => element(header, name)).find(hasValue);
  if (own) out[tag] = { vr: own.vr, Value: key.items ? narrowed(header, key) : own.Value };
  else if (key.otherwise !== undefined) set(out, keyword, key.otherwise);
  else if (type === '1') throw new ScannerError('data.missing', { what: keyword });
  else if (type === '2' || (type === '2C' && element(header, keyword))) set(out, keyword);
}

/** Items with the elements that the directory asks for. */
function narrowed(header: Dataset, { keyword, items: keywords = [] }: StandardKey): Dataset[] {
  return items(header, keyword).map((item) => {
    const kept = keywords.map((name) => [name, text(item, name)]).filter(([, value]) => value !== undefined);
    return dataset(Object.fromEntries(kept));
  });
}

function addPrivate(out: Dataset, header: Dataset, key: PrivateKey): void {
  const own = getPrivate(header, key.creator, key.group, key.element);
  if (hasValue(own)) setPrivate(out, key.creator, key.group, key.element, own.vr, own.Value);
  else if (key.type === '1') throw new ScannerError('data.missing', { what: key.keyword });
}

/** When it was last verified, and what qualifies its title. */
function addReportKeys(leaf: Dataset, header: Dataset): void {
  const verified = items(header, 'VerifyingObserverSequence').map((item) => text(item, 'VerificationDateTime') ?? '');
  const last = verified.sort().at(-1);
  if (last && text(leaf, 'VerificationFlag') === 'VERIFIED') set(leaf, 'VerificationDateTime', last);
  const modifiers = items(header, 'ContentSequence').filter(
    (item) => text(item, 'RelationshipType') === CONCEPT_MODIFIER,
  );
  if (modifiers.length > 0) setElement(leaf, 'ContentSequence', 'SQ', modifiers);
}

function hasValue(one: Element | undefined): one is Element {
  return (one?.Value ?? []).some((value) => value !== '');
}
