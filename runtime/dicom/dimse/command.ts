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
const BY_ELEMENT = new Map(KEYWORDS.map((keyword) => [Number.parseInt(FIELDS[keyword].tag, 16), keyword]));

/** Command field of each request; its response has bit 15 set: PS3.7 E.1. */
export const COMMAND_FIELD: Readonly<Record<CommandName, number>> = readTable(
  import.meta.url,
  '../tables/commands.json',
);
export const RESPONSE_BIT = 0x8000;
export const CANCEL_FIELD = 0x0fff;
/** Command Data Set Type of a command without a dataset: PS3.7 E.1. */
export const NO_DATASET = 0x0101;
const SOME_DATASET = 0x0001;
/** A command set holds a few UIDs; more is no command. */
export const MAX_COMMAND_BYTES = 64 * 1024;

export function hasDataset(command: Command): boolean {
  return command.CommandDataSetType !== NO_DATASET;
}

export function isResponse(command: Command): boolean {
  return (command.CommandField & RESPONSE_BIT) !== 0;
}

/** The name of a request or response, or undefined for an unknown command field. */
export function commandName(command: Command): CommandName | undefined {
  const request = command.CommandField & ~RESPONSE_BIT;
  return (Object.keys(COMMAND_FIELD) as CommandName[]).find((name) => COMMAND_FIELD[name] === request);
}

/** Bytes of a command set: implicit VR little endian with its group length. */
export function encodeCommand(command: Command, withDataset: boolean): Buffer {
  const complete = { ...command, CommandDataSetType: withDataset ? SOME_DATASET : NO_DATASET };
  const parts: Buffer[] = [];
  for (const keyword of KEYWORDS) {
    const value = complete[keyword];
    if (value === undefined) continue;
    const { tag, vr } = FIELDS[keyword];
    parts.push(element(Number.parseInt(tag.slice(4), 16), encodeValue(vr, value)));
  }
  const body = Buffer.concat(parts);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(body.length);
  return Buffer.concat([element(0, length), body]);
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
    const keyword = BY_ELEMENT.get(tag);
    if (keyword && length > 0) command[keyword] = decodeValue(keyword, bytes.subarray(offset + 8, end));
    offset = end;
  }
  if (command.CommandField === undefined) throw bad('no Command Field');
  return command as unknown as Command;
}

function encodeValue(vr: Field['vr'], value: string | number | readonly string[]): Buffer {
  if (vr === 'US') {
    const out = Buffer.alloc(2);
    out.writeUInt16LE(value as number);
    return out;
  }
  if (vr === 'AT') return Buffer.concat((value as readonly string[]).map(encodeTag));
  const text = Buffer.from(String(value).slice(0, 64), 'latin1');
  return text.length % 2 === 0 ? text : Buffer.concat([text, Buffer.from([vr === 'UI' ? 0 : 0x20])]);
}

function encodeTag(tag: string): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  out.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  return out;
}

function decodeValue(keyword: Keyword, bytes: Buffer): unknown {
  const { vr } = FIELDS[keyword];
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

function element(number: number, value: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt16LE(number, 2);
  head.writeUInt32LE(value.length, 4);
  return Buffer.concat([head, value]);
}

function bad(message: string): ScannerError {
  return new ScannerError('protocol.dimse', { peer: 'peer', message });
}
