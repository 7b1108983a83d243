import { ScannerError } from '../../hal/base/errors.js';
import { type Dataset, setElement } from '../dicom/dataset/dataset.js';
import { encodeElementHeader, ITEM, tagAndLength } from '../dicom/dataset/element-header.js';
import { encodeDataset } from '../dicom/dataset/encode.js';
import { encodeFileMeta } from '../dicom/dataset/file-meta.js';
import { EXPLICIT_LITTLE_ENDIAN, encodingOf } from '../dicom/dataset/transfer-syntax.js';
import type { Implementation } from '../dicom/implementation.js';
import { type Directory, type DirectoryRecord, LINK_TAGS } from './directory.js';
import { BASIC_DIRECTORY } from './profile.js';

export interface DirectoryFileOptions {
  /** Source Application Entity Title of the file. */
  sourceAeTitle: string;
  implementation?: Implementation;
}

/** A record on its way: its bytes, and where they will stand. */
interface Placed {
  body: Buffer;
  /** Of its item, from the file's first byte. */
  offset: number;
  lower: Placed[];
}

const ITEM_BYTES = 8;
/** Where the values of the links stand in a record: they are its first elements. */
const NEXT_AT = 8;
const LOWER_AT = 30;
const IN_USE = 0xffff;
/** Offsets have 32 bits. */
const MAX_BYTES = 0xfffffffe;
const ENCODING = encodingOf(EXPLICIT_LITTLE_ENDIAN);

/**
 * The DICOMDIR file of a directory: every record after the one above it, offsets exact.
 * @throws ScannerError limit.size when it outgrows its offsets; data.* for a record that cannot be written
 */
export function encodeDirectory(directory: Directory, options: DirectoryFileOptions): Buffer {
  const object = {
    sopClassUid: BASIC_DIRECTORY,
    sopInstanceUid: directory.fileSetUid,
    transferSyntax: EXPLICIT_LITTLE_ENDIAN,
  };
  const meta = encodeFileMeta(object, options);
  const headBytes = meta.length + fileSetHead(directory, 0, 0).length + 12;
  const all: Placed[] = [];
  let offset = headBytes;
  const place = (record: DirectoryRecord): Placed => {
    const placed: Placed = { body: encodeRecord(record), offset, lower: [] };
    offset += ITEM_BYTES + placed.body.length;
    all.push(placed);
    placed.lower = record.lower.map(place);
    return placed;
  };
  const roots = directory.records.map(place);
  if (offset > MAX_BYTES) throw new ScannerError('limit.size', { what: 'DICOMDIR', value: offset, max: MAX_BYTES });
  link(roots);
  const head = fileSetHead(directory, roots[0]?.offset ?? 0, roots.at(-1)?.offset ?? 0);
  const sequence = encodeElementHeader('00041220', 'SQ', offset - headBytes, ENCODING);
  const items = all.flatMap(({ body }) => [tagAndLength(ITEM, body.length, false), body]);
  return Buffer.concat([meta, head, sequence, ...items]);
}

/** Bytes that a record takes in the file, without those below it. */
export function recordBytes(record: DirectoryRecord): number {
  return ITEM_BYTES + encodeRecord(record).length;
}

function fileSetHead({ fileSetId, descriptorFileId }: Directory, first: number, last: number): Buffer {
  const ds: Dataset = {};
  setElement(ds, 'FileSetID', 'CS', fileSetId ? [fileSetId] : []);
  if (descriptorFileId) setElement(ds, 'FileSetDescriptorFileID', 'CS', [...descriptorFileId]);
  setElement(ds, '00041200', 'UL', [first]);
  setElement(ds, '00041202', 'UL', [last]);
  setElement(ds, 'FileSetConsistencyFlag', 'US', [0]);
  return encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN);
}

/** The links first, to nowhere. What an older writer wrote outside its character set must not keep the directory from being written. */
function encodeRecord({ dataset }: DirectoryRecord): Buffer {
  const whole: Dataset = { ...dataset };
  setElement(whole, LINK_TAGS.next, 'UL', [0]);
  setElement(whole, LINK_TAGS.inUse, 'US', [IN_USE]);
  setElement(whole, LINK_TAGS.lower, 'UL', [0]);
  return encodeDataset(whole, EXPLICIT_LITTLE_ENDIAN, { missing: 'replace' });
}

function link(siblings: readonly Placed[]): void {
  for (const [i, { body, lower }] of siblings.entries()) {
    body.writeUInt32LE(siblings[i + 1]?.offset ?? 0, NEXT_AT);
    body.writeUInt32LE(lower[0]?.offset ?? 0, LOWER_AT);
    link(lower);
  }
}
