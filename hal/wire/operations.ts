/** Payloads of the operations, and the rhythm of a session. */

import type { CommandEntry, Dictionary, EventEntry, ObjectEntry } from './dictionary.js';
import { ValueReader, type ValueSpec, ValueWriter, type WireRecord, type WireValue } from './values.js';

/** Both ends send a heartbeat this often, wall ms. */
export const HEARTBEAT_MS = 50;
/** The host calls a link lost after this silence, wall ms. */
export const LINK_LOST_MS = 200;
/** An idempotent request is sent again when no answer came for this long, wall ms. */
export const RETRY_MS = 100;
/** A device sends its state at most this often when nothing but time changed it, wall ms. */
export const STATE_PUSH_MS = 100;
/** How many events a device keeps for replay, and answers for repeated requests. */
export const EVENTS_KEPT = 256;
export const ANSWERS_KEPT = 32;

/** Reading this index gives all state objects packed in dictionary order. */
export const STATE_INDEX = 0x1010;

export const LIFECYCLES = ['inactive', 'active'] as const;
export type WireLifecycle = (typeof LIFECYCLES)[number];

const REASON: ValueSpec = { name: 'reason', type: 'string' };
const DETAIL: ValueSpec = { name: 'detail', type: 'string' };
const BOOT_ID: ValueSpec = { name: 'bootId', type: 'u32' };
const LIFECYCLE: ValueSpec = { name: 'lifecycle', type: 'enum', values: LIFECYCLES };

/** index u16, subindex u8 */
export function readRequest(index: number, subindex: number): Buffer {
  return new ValueWriter().u16(index).u8(subindex).bytes();
}

/** index u16, subindex u8, value. @throws ScannerError protocol.object */
export function writeRequest(object: ObjectEntry, value: WireValue): Buffer {
  return new ValueWriter().u16(object.index).u8(object.subindex).write(object, value).bytes();
}

/** id u16, arguments. @throws ScannerError protocol.object */
export function commandRequest(command: CommandEntry, args: WireRecord): Buffer {
  return new ValueWriter().u16(command.id).writeAll(command.args, args).bytes();
}

/** reason string, detail string */
export function refusal(reason: string, detail: string): Buffer {
  return new ValueWriter().write(REASON, clip(reason)).write(DETAIL, clip(detail)).bytes();
}

export function readRefusal(payload: Uint8Array): { reason: string; detail: string } {
  const reader = new ValueReader(payload);
  return { reason: reader.read(REASON) as string, detail: reader.read(DETAIL) as string };
}

/** id u16, fields. Floats go out unchecked: the device says what its sensors say. */
export function eventPayload(event: EventEntry, fields: WireRecord): Buffer {
  return new ValueWriter(false).u16(event.id).writeAll(event.fields, fields).bytes();
}

/** id u16, detail string */
export function emergencyPayload(id: number, detail: string): Buffer {
  return new ValueWriter().u16(id).write(DETAIL, clip(detail)).bytes();
}

export function readEmergency(payload: Uint8Array): { id: number; detail: string } {
  const reader = new ValueReader(payload);
  return { id: reader.u16('emergency'), detail: reader.read(DETAIL) as string };
}

/** A device's heartbeat: bootId u32, lifecycle u8. The host's is empty. */
export function heartbeatPayload(bootId: number, lifecycle: WireLifecycle): Buffer {
  return new ValueWriter().write(BOOT_ID, bootId).write(LIFECYCLE, lifecycle).bytes();
}

export function readHeartbeat(payload: Uint8Array): { bootId: number; lifecycle: WireLifecycle } {
  const reader = new ValueReader(payload);
  return { bootId: reader.read(BOOT_ID) as number, lifecycle: reader.read(LIFECYCLE) as WireLifecycle };
}

/** first u16, last u16: sequence numbers of the events wanted again */
export function replayRequest(first: number, last: number): Buffer {
  return new ValueWriter().u16(first).u16(last).bytes();
}

/** All state objects in dictionary order, floats unchecked. */
export function statePayload(dictionary: Dictionary, state: WireRecord): Buffer {
  return new ValueWriter(false).writeAll(dictionary.state, state).bytes();
}

/** @throws ScannerError protocol.object when a value is not finite, out of range or missing */
export function readStatePayload(dictionary: Dictionary, payload: Uint8Array): Record<string, WireValue> {
  const reader = new ValueReader(payload);
  const state = reader.readAll(dictionary.state);
  reader.end('state');
  return state;
}

/** How far `to` is ahead of `from` on the circle of 16-bit sequence numbers, -32768 to 32767. */
export function sequenceDistance(from: number, to: number): number {
  return (((to - from) & 0xffff) ^ 0x8000) - 0x8000;
}

function clip(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
