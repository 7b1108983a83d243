import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';
import { decimal, integer } from './decimal.js';
import type { Scope } from './fill.js';

/** One element of a CSA header. */
interface HeaderRow {
  name: string;
  vr: string;
  /** The scope's field of that name. */
  from: string;
}

/** One field of a history record: statement Table 83. */
interface HistoryField {
  part: 'header' | 'item';
  name: string;
  bytes: number;
  value?: string;
  from?: keyof HistoryEntry;
}

export interface HistoryEntry {
  className: string;
  modification: string;
}

const CSA: { types: Readonly<Record<string, number>>; image: HeaderRow[]; series: HeaderRow[] } = readTable(
  import.meta.url,
  '../dicom/tables/csa-header.json',
);
const { history: HISTORY }: { history: readonly HistoryField[] } = readTable(
  import.meta.url,
  '../dicom/tables/csa.json',
);

const HEADER_TYPE = 'SOM 5';
const HEADER_VERSION = 'VA10A 971201';

/** CSA headers of an image from what its rows are filled with, unless the scope has its own: statement Tables 80 and 81. */
export function csaHeaders(scope: Scope): Scope {
  return {
    imageHeaderType: HEADER_TYPE,
    imageHeaderVersion: HEADER_VERSION,
    imageHeaderInfo: csaHeader('image', scope),
    seriesHeaderType: HEADER_TYPE,
    seriesHeaderVersion: HEADER_VERSION,
    seriesHeaderInfo: csaHeader('series', scope),
  };
}

/** Values stand beside their name in sixes, as in real headers; those without a value stay empty. */
const VALUES_A_BLOCK = 6;
/** Ends the head of each element and item. */
const MARK = 77;

/** Elements in the layout SV10, which public readers know. */
function csaHeader(kind: 'image' | 'series', scope: Scope): Uint8Array {
  const rows = CSA[kind];
  const head = Buffer.from('SV10\x04\x03\x02\x01', 'latin1');
  return Buffer.concat([head, longs(rows.length, MARK), ...rows.flatMap((row) => element(row, scope)), longs(0)]);
}

function element({ name, vr, from }: HeaderRow, scope: Scope): Buffer[] {
  const values = [scope[from] ?? []]
    .flat()
    .filter((value) => value !== '')
    .map((value) => spelled(value, vr));
  const places = Math.max(1, Math.ceil(values.length / VALUES_A_BLOCK)) * VALUES_A_BLOCK;
  const head = [fixed(name, 64), longs(values.length), fixed(vr, 4), longs(CSA.types[vr]!, places, MARK)];
  return [...head, ...Array.from({ length: places }, (_, i) => item(values[i]))];
}

function item(value: string | undefined): Buffer {
  const bytes = value === undefined ? Buffer.alloc(0) : Buffer.from(`${value}\0`, 'utf8');
  const size = bytes.length;
  return Buffer.concat([longs(size, size, MARK, size), bytes, Buffer.alloc((4 - (size % 4)) % 4)]);
}

function spelled(value: unknown, vr: string): string {
  if (typeof value !== 'number') return String(value);
  return vr === 'IS' ? integer(value) : vr === 'DS' ? decimal(value) : String(value);
}

function longs(...values: number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) out.writeUInt32LE(value, i * 4);
  return out;
}

function fixed(text: string, bytes: number): Buffer {
  const written = Buffer.from(text, 'utf8');
  if (written.length > bytes)
    throw new ScannerError('data.invalid', { what: 'text of a private header', message: `${text} in ${bytes} bytes` });
  return Buffer.concat([written, Buffer.alloc(bytes - written.length)]);
}

/** History records: a header and fields of fixed width, statement Table 83. @throws ScannerError data.invalid for a longer text */
export function historyOf(entries: readonly HistoryEntry[]): Uint8Array {
  const part = (name: HistoryField['part'], entry?: HistoryEntry) =>
    HISTORY.filter((field) => field.part === name).map(({ bytes, value, from }) =>
      fixed(value ?? (from && entry?.[from]) ?? '', bytes),
    );
  return Buffer.concat([...part('header'), ...entries.flatMap((entry) => part('item', entry))]);
}

/** What the MEDCOM header says of an object: statement Table 82. */
export function medcomHeader(scope: Scope, bytes: number | undefined, made: string): Scope {
  const lines = [
    ['scanner', scope.manufacturerModelName],
    ['software', scope.softwareVersions],
    ['protocol', scope.protocolName],
  ];
  return {
    medcomInfo: Buffer.from(lines.map(([key, value]) => `%${key}:=${value}\n`).join(''), 'utf8'),
    history: historyOf([{ className: 'PETRIG', modification: made }]),
    dataMegabytes: bytes === undefined ? undefined : Number((bytes / 2 ** 20).toFixed(3)),
  };
}
