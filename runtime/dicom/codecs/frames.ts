import { ScannerError } from '../../../hal/base/errors.js';
import { type ByteStore, readExactly } from './bytes.js';
import { frameBytes, type PixelFormat } from './format.js';

interface Fragment {
  offset: number;
  length: number;
}

/** Pixels as they stand in a dataset. */
export interface PixelPlace {
  /** Where the value starts: for encapsulated pixels, the item with the offset table. */
  offset: number;
  /** Bytes of native pixels. */
  length: number;
}

const ITEM = 0xfffee000;
const SEQUENCE_END = 0xfffee0dd;
const MAX_FRAGMENTS = 1_000_000;
/** Longest coded frame, bytes. */
const MAX_CODED_BYTES = 256 * 1024 * 1024;

/** The frames of native pixels, one after another, as they stand. @throws ScannerError data.truncated */
export async function* nativeFrames(bytes: ByteStore, place: PixelPlace, format: PixelFormat): AsyncGenerator<Buffer> {
  const size = frameBytes(format);
  if (place.length < size * format.frames) {
    throw new ScannerError('data.truncated', { what: 'pixel data', got: place.length, expected: size * format.frames });
  }
  for (let i = 0; i < format.frames; i++) yield await readExactly(bytes, place.offset + i * size, size);
}

/**
 * The coded frames of encapsulated pixels (PS3.5 A.4): by the offset table, else a fragment each, else where streams start.
 * @param offset of the item with the basic offset table
 * @throws ScannerError data.dicom, data.truncated, limit.size
 */
export async function* encapsulatedFrames(bytes: ByteStore, offset: number, frames: number): AsyncGenerator<Buffer> {
  const { table, fragments } = await readFragments(bytes, offset);
  for (const group of await groupFragments(bytes, table, fragments, frames)) {
    const length = group.reduce((sum, fragment) => sum + fragment.length, 0);
    if (length > MAX_CODED_BYTES) {
      throw new ScannerError('limit.size', { what: 'coded frame', value: length, max: MAX_CODED_BYTES });
    }
    const frame = Buffer.allocUnsafe(length);
    let at = 0;
    for (const fragment of group) at += (await readExactly(bytes, fragment.offset, fragment.length)).copy(frame, at);
    yield frame;
  }
}

async function readFragments(bytes: ByteStore, start: number): Promise<{ table: number[]; fragments: Fragment[] }> {
  const fragments: Fragment[] = [];
  let table: number[] | undefined;
  for (let offset = start; ; ) {
    const header = await readExactly(bytes, offset, 8);
    const tag = ((header.readUInt16LE(0) << 16) | header.readUInt16LE(2)) >>> 0;
    const length = header.readUInt32LE(4);
    if (tag === SEQUENCE_END) return { table: table ?? [], fragments };
    if (tag !== ITEM || offset + 8 + length > bytes.size) throw broken(`bad fragment of ${length} bytes at ${offset}`);
    if (!table) table = await readTable(bytes, offset + 8, length);
    else if (fragments.push({ offset: offset + 8, length }) > MAX_FRAGMENTS) throw broken('too many fragments');
    offset += 8 + length;
  }
}

async function readTable(bytes: ByteStore, offset: number, length: number): Promise<number[]> {
  if (length > 4 * MAX_FRAGMENTS) throw broken('its offset table is too long');
  const table = await readExactly(bytes, offset, length);
  return Array.from({ length: Math.floor(length / 4) }, (_, i) => table.readUInt32LE(4 * i));
}

async function groupFragments(
  bytes: ByteStore,
  table: number[],
  fragments: Fragment[],
  frames: number,
): Promise<Fragment[][]> {
  if (fragments.length < frames) throw broken(`${fragments.length} fragments for ${frames} frames`);
  if (frames === 1) return [fragments];
  if (fragments.length === frames) return fragments.map((fragment) => [fragment]);
  const first = fragments[0]!.offset - 8;
  const starts = table.length === frames ? new Set(table.map((entry) => first + entry + 8)) : undefined;
  const groups: Fragment[][] = [];
  for (const fragment of fragments) {
    if (starts ? starts.has(fragment.offset) : await startsStream(bytes, fragment)) groups.push([]);
    groups.at(-1)?.push(fragment);
  }
  if (groups.length !== frames) throw broken(`${groups.length} frames are found, ${frames} are declared`);
  return groups;
}

/** True where a JPEG (SOI) or JPEG 2000 (SOC) stream starts. */
async function startsStream(bytes: ByteStore, { offset, length }: Fragment): Promise<boolean> {
  if (length < 2) return false;
  const head = await readExactly(bytes, offset, 2);
  return head[0] === 0xff && (head[1] === 0xd8 || head[1] === 0x4f);
}

function broken(message: string): ScannerError {
  return new ScannerError('data.dicom', { where: 'encapsulated pixel data', message });
}
