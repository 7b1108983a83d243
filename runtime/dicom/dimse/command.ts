import { ScannerError } from '../../../hal/base/errors.js';
import { readTable } from '../../../hal/base/table.js';

export type CommandName =
  | 'C-STORE'
  | 'C-GET'
  | 'C-FIND'
  | 'C-MOVE'
  | 'C-ECHO'
  | 'N-EVENT-REPORT'
  | 'N-GET'
  | 'N-SET'
  | 'N-ACTION'
  | 'N-CREATE'
  | 'N-DELETE';

/** A command set by keyword: PS3.7 E.1. UIDs, titles and comments are text, AT values tags 'GGGGEEEE'. */
export interface Command {
  CommandField: number;
  AffectedSOPClassUID?: string;
  RequestedSOPClassUID?: string;
  MessageID?: number;
  MessageIDBeingRespondedTo?: number;
  MoveDestination?: string;
  Priority?: number;
  CommandDataSetType?: number;
  Status?: number;
  OffendingElement?: readonly string[];
  ErrorComment?: string;
  ErrorID?: number;
  AffectedSOPInstanceUID?: string;
  RequestedSOPInstanceUID?: string;
  EventTypeID?: number;
  AttributeIdentifierList?: readonly string[];
  ActionTypeID?: number;
  NumberOfRemainingSuboperations?: number;
  NumberOfCompletedSuboperations?: number;
  NumberOfFailedSuboperations?: number;
  NumberOfWarningSuboperations?: number;
  MoveOriginatorApplicationEntityTitle?: string;
  MoveOriginatorMessageID?: number;
}

type Keyword = keyof Command;
interface Field {
  tag: string;
  vr: 'UI' | 'US' | 'AT' | 'AE' | 'LO';
}

const FIELDS: Readonly<Record<Keyword, Field>> = readTable(import.meta.url, '../tables/command-fields.json');
const KEYWORDS = Object.keys(FIELDS) as Keyword[];
const ROWS = KEYWORDS.map((keyword) => {
  const { tag, vr } = FIELDS[keyword];
  return { keyword, vr, element: Number.parseInt(tag, 16) };
});
const BY_ELEMENT = new Map(ROWS.map((row) => [row.element, row]));

/** Command field of each request; its response has bit 15 set: PS3.7 E.1. */
export const COMMAND_FIELD: Readonly<Record<CommandName, number>> = readTable(
  import.meta.url,
  '../tables/commands.json',
);
const BY_FIELD = new Map(Object.entries(COMMAND_FIELD).map(([name, field]) => [field, name as CommandName]));
export const RESPONSE_BIT = 0x8000;
export const CANCEL_FIELD = 0x0fff;
/** Command Data Set Type of a command without a dataset: PS3.7 E.1. */
export const NO_DATASET = 0x0101;
const SOME_DATASET = 0x0001;
/** A command set holds a few UIDs; more is no command. */
export const MAX_COMMAND_BYTES = 64 * 1024;
/** Tag and length of an element, and the whole of Command Group Length (0000,0000). */
const HEADER_BYTES = 8;
const GROUP_LENGTH_BYTES = 12;
const MAX_TEXT = 64;

export function hasDataset(command: Command): boolean {
  return command.CommandDataSetType !== NO_DATASET;
}

export function isResponse(command: Command): boolean {
  return (command.CommandField & RESPONSE_BIT) !== 0;
}

/** The name of a request or response, or undefined for an unknown command field. */
export function commandName(command: Command): CommandName | undefined {
  return BY_FIELD.get(command.CommandField & ~RESPONSE_BIT);
}

/** Bytes of a command set: implicit VR little endian with its group length. */
export function encodeCommand(command: Command, withDataset: boolean): Buffer {
  const complete = { ...command, CommandDataSetType: withDataset ? SOME_DATASET : NO_DATASET };
  let size = GROUP_LENGTH_BYTES;
  for (const { keyword, vr } of ROWS) {
    const value = complete[keyword];
    if (value !== undefined) size += HEADER_BYTES + lengthOf(vr, value);
  }
  const out = Buffer.alloc(size);
  let at = writeHeader(out, 0, 0, 4);
  at = out.writeUInt32LE(size - GROUP_LENGTH_BYTES, at);
  for (const { keyword, vr, element } of ROWS) {
    const value = complete[keyword];
    if (value === undefined) continue;
    const length = lengthOf(vr, value);
    at = writeHeader(out, at, element, length);
    writeValue(out, at, length, vr, value);
    at += length;
  }
  return out;
}

/** @throws ScannerError protocol.dimse when the bytes are no command set */
export function decodeCommand(bytes: Buffer): Command {
  const command: Partial<Record<Keyword, unknown>> = {};
  let offset = 0;
  while (offset < bytes.length) {
    if (offset + 8 > bytes.length) throw bad('command set cut within an element');
    const tag = bytes.readUInt16LE(offset) * 0x10000 + bytes.readUInt16LE(offset + 2);
    const length = bytes.readUInt32LE(offset + 4);
    const end = offset + 8 + length;
    if (end > bytes.length) throw bad(`element ${tag.toString(16)} declares ${length} bytes`);
    if (tag >= 0x10000) throw bad(`element ${tag.toString(16).padStart(8, '0')} in a command set`);
    const row = BY_ELEMENT.get(tag);
    if (row && length > 0) command[row.keyword] = decodeValue(row, bytes.subarray(offset + HEADER_BYTES, end));
    offset = end;
  }
  if (command.CommandField === undefined) throw bad('no Command Field');
  return command as unknown as Command;
}

type FieldValue = string | number | readonly string[];

/** Bytes of a value, padded. Text has at most 64 characters. */
function lengthOf(vr: Field['vr'], value: FieldValue): number {
  if (vr === 'US') return 2;
  if (vr === 'AT') return 4 * (value as readonly string[]).length;
  const length = Math.min(String(value).length, MAX_TEXT);
  return length + (length & 1);
}

/** @param length of the value's place, which is zeroed */
function writeValue(out: Buffer, at: number, length: number, vr: Field['vr'], value: FieldValue): void {
  if (vr === 'US') out.writeUInt16LE(value as number, at);
  else if (vr === 'AT') for (const [i, tag] of (value as readonly string[]).entries()) writeTag(out, at + 4 * i, tag);
  else {
    const written = out.write(String(value), at, length, 'latin1'); // no more than has room
    if (written < length && vr !== 'UI') out[at + written] = 0x20;
  }
}

function writeTag(out: Buffer, at: number, tag: string): void {
  out.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), at);
  out.writeUInt16LE(Number.parseInt(tag.slice(4), 16), at + 2);
}

/** @returns where the value starts */
function writeHeader(out: Buffer, at: number, element: number, length: number): number {
  out.writeUInt16LE(element, at + 2);
  out.writeUInt32LE(length, at + 4);
  return at + HEADER_BYTES;
}

function decodeValue({ keyword, vr }: (typeof ROWS)[number], bytes: Buffer): unknown {
  if (vr === 'US') {
    if (bytes.length < 2) throw bad(`${keyword} of ${bytes.length} bytes`);
    return bytes.readUInt16LE(0);
  }
  if (vr === 'AT') {
    return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => {
      const tag = bytes.readUInt16LE(i * 4) * 0x10000 + bytes.readUInt16LE(i * 4 + 2);
      return tag.toString(16).toUpperCase().padStart(8, '0');
    });
  }
  return bytes.toString('latin1').replace(/[\0 ]+$/, '');
}

function bad(message: string): ScannerError {
  return new ScannerError('protocol.dimse', { peer: 'peer', message });
}
