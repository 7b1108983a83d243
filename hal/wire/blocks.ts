/** Payloads of bulk frames: CT readings and list-mode words. */

import { ScannerError } from '../base/errors.js';
import { BULK_PAYLOAD_LIMIT } from './frame.js';

export const STREAM = { ctReadings: 1, listMode: 2 } as const;

/** Consecutive readings of one scan; `words` is [count][rows][channels]. */
export interface CtBlock {
  scanId: number;
  first: number;
  count: number;
  rows: number;
  channels: number;
  angles: Float64Array;
  tableMm: Float64Array;
  tubeMa: Float64Array;
  words: Uint16Array;
}

/** Consecutive list-mode words of one frame. */
export interface WordBlock {
  frameId: number;
  first: number;
  words: Uint32Array;
}

const CT_HEADER = 16;
const CT_READING = 24;
const WORDS_HEADER = 20;

/** Cuts a block into payloads that fit a frame, each in two pieces: header and words. @throws ScannerError limit.size */
export function* ctPayloads(block: CtBlock): Generator<[Uint8Array, Uint8Array]> {
  const { scanId, first, count, rows, channels, words } = block;
  const size = rows * channels;
  const each = CT_READING + 2 * size;
  const most = Math.floor((BULK_PAYLOAD_LIMIT - CT_HEADER) / each);
  if (most === 0) throw new ScannerError('limit.size', { what: 'CT reading', value: each, max: BULK_PAYLOAD_LIMIT });
  for (let from = 0; from < count; from += most) {
    const part = Math.min(most, count - from);
    const header = Buffer.allocUnsafe(CT_HEADER + part * CT_READING);
    header.writeUInt32LE(scanId, 0);
    header.writeUInt32LE(first + from, 4);
    header.writeUInt32LE(part, 8);
    header.writeUInt16LE(rows, 12);
    header.writeUInt16LE(channels, 14);
    for (let i = 0; i < part; i++) {
      const at = CT_HEADER + i * CT_READING;
      header.writeDoubleLE(block.angles[from + i]!, at);
      header.writeDoubleLE(block.tableMm[from + i]!, at + 8);
      header.writeDoubleLE(block.tubeMa[from + i]!, at + 16);
    }
    yield [header, bytesOf(words.subarray(from * size, (from + part) * size))];
  }
}

/** As `ctPayloads`, for words. */
export function* wordPayloads(block: WordBlock): Generator<[Uint8Array, Uint8Array]> {
  const most = (BULK_PAYLOAD_LIMIT - WORDS_HEADER) >> 2;
  for (let from = 0; from < block.words.length; from += most) {
    const words = block.words.subarray(from, from + most);
    const header = Buffer.alloc(WORDS_HEADER);
    header.writeUInt32LE(block.frameId, 0);
    header.writeBigUInt64LE(BigInt(block.first + from), 8);
    header.writeUInt32LE(words.length, 16);
    yield [header, bytesOf(words)];
  }
}

/** @throws ScannerError data.invalid when sizes disagree or a number is not finite */
export function readCtPayload(payload: Uint8Array): CtBlock {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  need(payload.byteLength >= CT_HEADER, 'CT block', 'shorter than its header');
  const count = view.getUint32(8, true);
  const rows = view.getUint16(12, true);
  const channels = view.getUint16(14, true);
  const wordsAt = CT_HEADER + count * CT_READING;
  const expected = wordsAt + 2 * count * rows * channels;
  need(payload.byteLength === expected, 'CT block', `${payload.byteLength} bytes, its header says ${expected}`);
  const angles = new Float64Array(count);
  const tableMm = new Float64Array(count);
  const tubeMa = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const at = CT_HEADER + i * CT_READING;
    angles[i] = view.getFloat64(at, true);
    tableMm[i] = view.getFloat64(at + 8, true);
    tubeMa[i] = view.getFloat64(at + 16, true);
    need(Number.isFinite(angles[i]! + tableMm[i]! + tubeMa[i]!), 'CT block', `reading ${i} has no finite geometry`);
  }
  const words = new Uint16Array(payload.buffer, payload.byteOffset + wordsAt, count * rows * channels);
  return {
    scanId: view.getUint32(0, true),
    first: view.getUint32(4, true),
    count,
    rows,
    channels,
    angles,
    tableMm,
    tubeMa,
    words,
  };
}

/** @throws ScannerError data.invalid when sizes disagree */
export function readWordPayload(payload: Uint8Array): WordBlock {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  need(payload.byteLength >= WORDS_HEADER, 'list-mode block', 'shorter than its header');
  const count = view.getUint32(16, true);
  const expected = WORDS_HEADER + 4 * count;
  need(payload.byteLength === expected, 'list-mode block', `${payload.byteLength} bytes, its header says ${expected}`);
  const first = view.getBigUint64(8, true);
  need(first <= BigInt(Number.MAX_SAFE_INTEGER), 'list-mode block', `first word ${first}`);
  return {
    frameId: view.getUint32(0, true),
    first: Number(first),
    words: new Uint32Array(payload.buffer, payload.byteOffset + WORDS_HEADER, count),
  };
}

function bytesOf(words: Uint16Array | Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function need(condition: boolean, what: string, message: string): void {
  if (!condition) throw new ScannerError('data.invalid', { what, message });
}
