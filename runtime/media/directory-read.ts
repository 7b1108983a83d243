import { ScannerError } from '../../hal/base/errors.js';
import { type Dataset, number, text, texts } from '../dicom/dataset/dataset.js';
import { decodeDataset, ElementReader } from '../dicom/dataset/decode.js';
import { ITEM, ITEM_END, readElementHeader, SEQUENCE_END, UNDEFINED_LENGTH } from '../dicom/dataset/element-header.js';
import { metaOf } from '../dicom/dataset/header.js';
import { EXPLICIT_LITTLE_ENDIAN, encodingOf } from '../dicom/dataset/transfer-syntax.js';
import { type Directory, type DirectoryRecord, LINK_TAGS, recordType } from './directory.js';
import { BASIC_DIRECTORY } from './profile.js';

/** A record as it stands in the file. */
interface Found {
  offset: number;
  next: number;
  lower: number;
  active: boolean;
  record: DirectoryRecord;
  reached: boolean;
}

interface FileSetHead {
  dataset: Dataset;
  /** Where the items of the record sequence begin, and where they end when its length is given. */
  items: number;
  end: number;
}

const RECORD_SEQUENCE = '00041220';
const ENCODING = encodingOf(EXPLICIT_LITTLE_ENDIAN);
/** Images under series under studies under patients, and one to spare for standards to come. */
const MAX_LEVELS = 5;
/** Retired records that others share; nothing links them: PS3.3 F.4. */
const SHARED = 'MRDR';
/** Which record stands below which. What we do not know may stand below any but a root's. */
const PARENTS: Readonly<Record<string, string | undefined>> = { PATIENT: undefined, STUDY: 'PATIENT', SERIES: 'STUDY' };

/**
 * Reads a whole DICOMDIR. Its links are believed only where they lead from record to record, each record once.
 * @param bytes the whole file
 * @throws ScannerError data.dicom with the place and what is wrong there
 */
export function readDirectory(bytes: Buffer): Directory {
  const meta = metaOf(bytes, bytes.length);
  if (!meta) throw wrong('meta header', 'the file ends within it');
  if (meta.sopClassUid !== BASIC_DIRECTORY) throw wrong('SOP class', `${meta.sopClassUid} is not ${BASIC_DIRECTORY}`);
  if (meta.transferSyntax !== EXPLICIT_LITTLE_ENDIAN) {
    throw wrong('transfer syntax', `${meta.transferSyntax} is not ${EXPLICIT_LITTLE_ENDIAN}`);
  }
  const { dataset, items, end } = readHead(bytes, meta.datasetOffset);
  const found = readItems(bytes, items, end);
  const consistency = number(dataset, 'FileSetConsistencyFlag') ?? 0;
  if (consistency !== 0) throw wrong('file-set', 'its writer says that it is inconsistent: (0004,1212) is not 0');
  const records = chain(found, rootOffset(dataset, found), undefined, 1);
  for (const { offset, active, reached, record } of found.values()) {
    if (active && !reached && recordType(record) !== SHARED) {
      throw wrong(`record at byte ${offset}`, `no link leads to this ${recordType(record) || 'record'}`);
    }
  }
  const descriptorFileId = texts(dataset, 'FileSetDescriptorFileID').filter(Boolean);
  return {
    fileSetId: text(dataset, 'FileSetID') ?? '',
    fileSetUid: meta.sopInstanceUid,
    ...(descriptorFileId.length > 0 && { descriptorFileId }),
    records,
  };
}

function readHead(bytes: Buffer, start: number): FileSetHead {
  let offset = start;
  while (true) {
    const header = readElementHeader(bytes, offset, bytes.length, ENCODING);
    if (!header || header.tag > RECORD_SEQUENCE)
      throw wrong(`byte ${offset}`, 'no Directory Record Sequence (0004,1220)');
    if (header.tag === RECORD_SEQUENCE) {
      const isOpen = header.length === UNDEFINED_LENGTH;
      const end = isOpen ? bytes.length : header.valueOffset + header.length;
      if (end > bytes.length) {
        throw wrong(
          'record sequence',
          `${header.length} bytes are declared, ${bytes.length - header.valueOffset} are left`,
        );
      }
      return {
        dataset: decodeDataset(bytes.subarray(start, offset), EXPLICIT_LITTLE_ENDIAN),
        items: header.valueOffset,
        end,
      };
    }
    if (header.length === UNDEFINED_LENGTH) throw wrong(`byte ${offset}`, `${header.tag} has no length`);
    offset = header.valueOffset + header.length;
  }
}

/** All records by the place of their items. */
function readItems(bytes: Buffer, start: number, end: number): Map<number, Found> {
  const found = new Map<number, Found>();
  let offset = start;
  while (offset < end) {
    const item = readElementHeader(bytes, offset, end, ENCODING);
    if (item?.tag === SEQUENCE_END) return found;
    if (item?.tag !== ITEM) throw wrong(`byte ${offset}`, 'a directory record was expected');
    const isOpen = item.length === UNDEFINED_LENGTH;
    const itemEnd = isOpen ? end : item.valueOffset + item.length;
    if (itemEnd > end) throw wrong(`record at byte ${offset}`, `${item.length} bytes are declared, fewer are left`);
    const { dataset, next } = readRecord(bytes, item.valueOffset, itemEnd, isOpen);
    found.set(offset, foundAt(offset, dataset));
    offset = next;
  }
  return found;
}

function readRecord(bytes: Buffer, start: number, end: number, isOpen: boolean): { dataset: Dataset; next: number } {
  const reader = new ElementReader(EXPLICIT_LITTLE_ENDIAN);
  let offset = start;
  while (offset < end) {
    if (isOpen && readElementHeader(bytes, offset, end, ENCODING)?.tag === ITEM_END) {
      return { dataset: reader.dataset, next: offset + 8 };
    }
    offset += reader.read(bytes.subarray(offset, end), offset);
  }
  if (isOpen) throw wrong(`record at byte ${start - 8}`, 'its end is missing');
  return { dataset: reader.dataset, next: end };
}

function foundAt(offset: number, dataset: Dataset): Found {
  const link = (tag: string) => {
    const value = dataset[tag]?.Value[0];
    if (dataset[tag] !== undefined && typeof value === 'number') return value;
    throw wrong(`record at byte ${offset}`, `it has no link (${tag.slice(0, 4)},${tag.slice(4)})`);
  };
  const [next, lower] = [link(LINK_TAGS.next), link(LINK_TAGS.lower)];
  const active = (number(dataset, LINK_TAGS.inUse) ?? 0xffff) !== 0;
  for (const tag of Object.values(LINK_TAGS)) delete dataset[tag];
  return { offset, next, lower, active, record: { dataset, lower: [] }, reached: false };
}

function rootOffset(head: Dataset, found: ReadonlyMap<number, Found>): number {
  const first = number(head, '00041200');
  if (first === undefined) throw wrong('file-set', 'no offset of the first record (0004,1200)');
  if (first === 0 && found.size > 0 && [...found.values()].some(({ active }) => active)) {
    throw wrong('file-set', `there are ${found.size} records, and (0004,1200) leads to none`);
  }
  return first;
}

/** The records from `start` on, one after another; those not in use are left out with what hangs below them. */
function chain(
  found: ReadonlyMap<number, Found>,
  start: number,
  above: Found | undefined,
  level: number,
): DirectoryRecord[] {
  if (start !== 0 && level > MAX_LEVELS) throw wrong(`record at byte ${start}`, `more than ${MAX_LEVELS} levels`);
  const records: DirectoryRecord[] = [];
  for (let offset = start; offset !== 0; ) {
    const one = found.get(offset);
    if (!one) throw wrong(`link to byte ${offset}`, 'no record begins there');
    if (one.reached) throw wrong(`record at byte ${offset}`, 'two links lead to it: the directory has a loop');
    one.reached = true;
    checkPlace(one, above);
    one.record.lower = chain(found, one.lower, one, level + 1);
    if (one.active) records.push(one.record);
    offset = one.next;
  }
  return records;
}

function checkPlace({ offset, record }: Found, above: Found | undefined): void {
  const type = recordType(record);
  const over = above ? recordType(above.record) : undefined;
  if (type === '') throw wrong(`record at byte ${offset}`, 'it has no Directory Record Type (0004,1430)');
  if (Object.hasOwn(PARENTS, type) && PARENTS[type] !== over) {
    const expected = PARENTS[type] ?? 'the root';
    throw wrong(`record at byte ${offset}`, `a ${type} below ${over ?? 'the root'}; it belongs below ${expected}`);
  }
}

function wrong(where: string, message: string): ScannerError {
  return new ScannerError('data.dicom', { where: `DICOMDIR: ${where}`, message });
}
