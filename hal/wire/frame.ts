/** Frames: what stands between two 0x00 on a link, once COBS is undone. All numbers little endian. */

import { cobsBound, cobsDecode, cobsEncode } from './cobs.js';
import { crc16, crc32 } from './crc.js';

/** First byte of a control frame. */
export const OP = {
  read: 0x01,
  write: 0x02,
  command: 0x03,
  accept: 0x04,
  refuse: 0x05,
  event: 0x06,
  emergency: 0x07,
  heartbeat: 0x08,
  state: 0x09,
  replay: 0x0a,
} as const;

/** First byte of a bulk frame. */
export const BULK_DATA = 0x40;

export const CONTROL_PAYLOAD_LIMIT = 20_000;
export const BULK_PAYLOAD_LIMIT = 256 * 1024;
const CONTROL_HEADER = 11;
/** A multiple of 8, so that typed arrays can look into the payload where it lies. */
export const BULK_HEADER = 16;

/** type u8, sequence u16, time u64, payload, CRC-16 over all before. */
export interface ControlFrame {
  readonly type: number;
  readonly sequence: number;
  /** From a device: us since its boot. From the host: the number of its session. */
  readonly time: bigint;
  readonly payload: Uint8Array;
}

/** type u8, stream u8, reserved u16, sequence u32, time u64, payload, CRC-32 over all before. */
export interface BulkFrame {
  readonly stream: number;
  readonly sequence: number;
  /** Device time of the block, us since boot. */
  readonly time: bigint;
  /** Begins at a multiple of 8 of its ArrayBuffer, which belongs to this frame alone. */
  readonly payload: Uint8Array;
}

/** The bytes on the link: 0x00, COBS packet, 0x00. The leading one ends whatever garbage stood before. */
export function encodeControl(frame: ControlFrame): Buffer {
  const raw = Buffer.allocUnsafe(CONTROL_HEADER + frame.payload.length + 2);
  raw.writeUInt8(frame.type, 0);
  raw.writeUInt16LE(frame.sequence, 1);
  raw.writeBigUInt64LE(frame.time, 3);
  raw.set(frame.payload, CONTROL_HEADER);
  raw.writeUInt16LE(crc16(raw.subarray(0, -2)), raw.length - 2);
  return stuffed(raw);
}

/** @param parts the payload in pieces, joined here without another copy; at most BULK_PAYLOAD_LIMIT bytes together. */
export function encodeBulk(frame: Omit<BulkFrame, 'payload'>, parts: readonly Uint8Array[]): Buffer {
  const size = parts.reduce((sum, part) => sum + part.byteLength, 0);
  const raw = Buffer.allocUnsafe(BULK_HEADER + size + 4);
  raw.writeUInt8(BULK_DATA, 0);
  raw.writeUInt8(frame.stream, 1);
  raw.writeUInt16LE(0, 2);
  raw.writeUInt32LE(frame.sequence, 4);
  raw.writeBigUInt64LE(frame.time, 8);
  let at = BULK_HEADER;
  for (const part of parts) {
    raw.set(part, at);
    at += part.byteLength;
  }
  raw.writeUInt32LE(crc32(raw.subarray(0, at)), at);
  return stuffed(raw);
}

/** Why bytes are no frame: `cobs`, `short` or `crc`. */
export type FrameProblem = 'cobs' | 'short' | 'crc';

export function decodeControl(packet: Buffer): ControlFrame | FrameProblem {
  const raw = Buffer.allocUnsafe(packet.length);
  const length = cobsDecode(packet, raw);
  if (length < 0) return 'cobs';
  if (length < CONTROL_HEADER + 2) return 'short';
  if (crc16(raw.subarray(0, length - 2)) !== raw.readUInt16LE(length - 2)) return 'crc';
  return {
    type: raw[0]!,
    sequence: raw.readUInt16LE(1),
    time: raw.readBigUInt64LE(3),
    payload: raw.subarray(CONTROL_HEADER, length - 2),
  };
}

export function decodeBulk(packet: Buffer): BulkFrame | FrameProblem {
  // a buffer of its own: the payload is handed on without a copy and must not pin a pool or a socket's chunk
  const raw = Buffer.allocUnsafeSlow(packet.length);
  const length = cobsDecode(packet, raw);
  if (length < 0) return 'cobs';
  if (length < BULK_HEADER + 4 || raw[0] !== BULK_DATA) return 'short';
  if (crc32(raw.subarray(0, length - 4)) !== raw.readUInt32LE(length - 4)) return 'crc';
  return {
    stream: raw[1]!,
    sequence: raw.readUInt32LE(4),
    time: raw.readBigUInt64LE(8),
    payload: new Uint8Array(raw.buffer, raw.byteOffset + BULK_HEADER, length - 4 - BULK_HEADER),
  };
}

function stuffed(raw: Buffer): Buffer {
  const target = Buffer.allocUnsafeSlow(cobsBound(raw.length) + 2);
  target[0] = 0;
  const end = cobsEncode(raw, target, 1);
  target[end] = 0;
  return target.subarray(0, end + 1);
}

/** Longest packet between delimiters, for the bounds of parsers. */
export const CONTROL_PACKET_LIMIT = cobsBound(CONTROL_HEADER + CONTROL_PAYLOAD_LIMIT + 2);
export const BULK_PACKET_LIMIT = cobsBound(BULK_HEADER + BULK_PAYLOAD_LIMIT + 4);
