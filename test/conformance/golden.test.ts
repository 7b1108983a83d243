/**
 * Frames written down byte by byte from the protocol manual, not by our encoder; the decoder here is another one than the
 * product's as well. So neither end can be wrong in the same way as its test.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readTable } from '../../hal/base/table.js';
import { ctPayloads, readCtPayload, readWordPayload, wordPayloads } from '../../hal/wire/blocks.js';
import { dictionaryOf, type WireDeviceName } from '../../hal/wire/dictionary.js';
import { type BulkFrame, type ControlFrame, encodeBulk, encodeControl } from '../../hal/wire/frame.js';
import {
  commandRequest,
  emergencyPayload,
  eventPayload,
  heartbeatPayload,
  readEmergency,
  readHeartbeat,
  readRefusal,
  readStatePayload,
  refusal,
  statePayload,
} from '../../hal/wire/operations.js';
import { bulkParser, controlParser } from '../../hal/wire/parser.js';
import { ValueReader, type WireRecord } from '../../hal/wire/values.js';

interface GoldenControl {
  name: string;
  hex: string;
  type: number;
  sequence: number;
  time: string;
  payload: string;
  device?: WireDeviceName;
  command?: string;
  args?: WireRecord;
  event?: string;
  fields?: Record<string, unknown>;
  state?: WireRecord;
  heartbeat?: { bootId: number; lifecycle: 'active' };
  refusal?: { reason: string; detail: string };
  emergency?: { id: number; detail: string };
}

interface GoldenBulk {
  name: string;
  hex: string;
  stream: number;
  sequence: number;
  time: string;
  ct?: Record<'scanId' | 'first' | 'count' | 'rows' | 'channels', number> &
    Record<'angles' | 'tableMm' | 'tubeMa' | 'words', number[]>;
  words?: { frameId: number; first: number; words: number[] };
}

const golden: { control: GoldenControl[]; bulk: GoldenBulk[] } = readTable(import.meta.url, '../golden/wire.json');
const bytesOf = (hex: string) => Uint8Array.from(hex.split(' '), (byte) => Number.parseInt(byte, 16));
const hexOf = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** COBS undone as its paper puts it, byte by byte. */
function unstuff(packet: Uint8Array): Uint8Array {
  const out: number[] = [];
  let left = 0;
  let zeroDue = false;
  for (const byte of packet) {
    if (left === 0) {
      if (zeroDue) out.push(0);
      left = byte;
      zeroDue = byte !== 255;
    } else out.push(byte);
    left--;
  }
  return Uint8Array.from(out);
}

/** Bit by bit; `reflected` is the way of CRC-32. */
function crc(bytes: Uint8Array, width: 16 | 32): number {
  let value = width === 16 ? 0xffff : 0xffff_ffff;
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      if (width === 16) {
        const out = ((value >> 15) ^ (byte >> (7 - bit))) & 1;
        value = ((value << 1) & 0xffff) ^ (out ? 0x1021 : 0);
      } else {
        const out = (value ^ (byte >> bit)) & 1;
        value = (value >>> 1) ^ (out ? 0xedb8_8320 : 0);
      }
    }
  }
  return width === 16 ? value : ~value >>> 0;
}

const control = suite('golden control frames');

for (const frame of golden.control) {
  control(frame.name, () => {
    const bytes = bytesOf(frame.hex);
    const raw = unstuff(bytes.subarray(1, -1));
    const view = new DataView(raw.buffer);
    assert.equal([bytes[0], bytes.at(-1), bytes.subarray(1, -1).includes(0)], [0, 0, false]);
    assert.is(view.getUint8(0), frame.type);
    assert.is(view.getUint16(1, true), frame.sequence);
    assert.is(view.getBigUint64(3, true), BigInt(frame.time));
    assert.is(hexOf(raw.subarray(11, -2)), frame.payload);
    assert.is(view.getUint16(raw.length - 2, true), crc(raw.subarray(0, -2), 16));

    const got: ControlFrame[] = [];
    controlParser((one) => got.push(one)).push(bytes);
    assert.is(got.length, 1);
    assert.equal([got[0]!.type, got[0]!.sequence, got[0]!.time], [frame.type, frame.sequence, BigInt(frame.time)]);
    assert.is(hexOf(got[0]!.payload), frame.payload);
    assert.is(hexOf(encodeControl(got[0]!)), frame.hex.replaceAll(' ', ''));
    checkPayload(frame, got[0]!.payload);
  });
}

function checkPayload(frame: GoldenControl, payload: Uint8Array): void {
  const dictionary = frame.device && dictionaryOf(frame.device);
  const same = (encoded: Uint8Array) => assert.is(hexOf(encoded), frame.payload);
  if (frame.command) same(commandRequest(dictionary!.command(frame.command), frame.args!));
  if (frame.event) {
    const entry = dictionary!.event(frame.event);
    const reader = new ValueReader(payload);
    assert.is(reader.u16(), entry.id);
    const fields = reader.readAll(entry.fields);
    reader.end(entry.name);
    same(eventPayload(entry, fields));
    const listed = Object.entries(fields).map(([k, v]) => [k, v instanceof Float32Array ? [...v] : v]);
    assert.equal(Object.fromEntries(listed), frame.fields);
  }
  if (frame.state) {
    assert.equal(readStatePayload(dictionary!, payload), frame.state);
    same(statePayload(dictionary!, frame.state));
  }
  if (frame.heartbeat) {
    assert.equal(readHeartbeat(payload), frame.heartbeat);
    same(heartbeatPayload(frame.heartbeat.bootId, frame.heartbeat.lifecycle));
  }
  if (frame.refusal) {
    assert.equal(readRefusal(payload), frame.refusal);
    same(refusal(frame.refusal.reason, frame.refusal.detail));
  }
  if (frame.emergency) {
    assert.equal(readEmergency(payload), frame.emergency);
    same(emergencyPayload(frame.emergency.id, frame.emergency.detail));
  }
}

const bulk = suite('golden bulk frames');

for (const frame of golden.bulk) {
  bulk(frame.name, () => {
    const bytes = bytesOf(frame.hex);
    const raw = unstuff(bytes.subarray(1, -1));
    const view = new DataView(raw.buffer);
    assert.equal([raw[0], raw[1], raw[2], raw[3]], [0x40, frame.stream, 0, 0]);
    assert.is(view.getUint32(4, true), frame.sequence);
    assert.is(view.getBigUint64(8, true), BigInt(frame.time));
    assert.is(view.getUint32(raw.length - 4, true), crc(raw.subarray(0, -4), 32));

    const got: BulkFrame[] = [];
    bulkParser((one) => got.push(one)).push(bytes);
    assert.is(got.length, 1);
    const { ct, words } = frame;
    const header = { stream: frame.stream, sequence: frame.sequence, time: BigInt(frame.time) };
    if (ct) {
      const block = readCtPayload(got[0]!.payload);
      const { angles, tableMm, tubeMa, words: readings, ...rest } = block;
      const lists = { angles: [...angles], tableMm: [...tableMm], tubeMa: [...tubeMa], words: [...readings] };
      assert.equal({ ...rest, ...lists }, ct);
      const again = [...ctPayloads(block)].map((parts) => hexOf(encodeBulk(header, parts)));
      assert.equal(again, [frame.hex.replaceAll(' ', '')]);
    }
    if (words) {
      const block = readWordPayload(got[0]!.payload);
      assert.equal({ ...block, words: [...block.words] }, words);
      const again = [...wordPayloads(block)].map((parts) => hexOf(encodeBulk(header, parts)));
      assert.equal(again, [frame.hex.replaceAll(' ', '')]);
    }
  });
}

control.run();
bulk.run();
