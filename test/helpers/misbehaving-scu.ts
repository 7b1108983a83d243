import { type Dataset, dataset, setElement } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { COMMAND_FIELD, type Command, decodeCommand } from '../../runtime/dicom/dimse/command.js';
import { statusClass } from '../../runtime/dicom/dimse/status.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { type AssociateRq, encodePdu, PDU_TYPE } from '../../runtime/dicom/upper-layer/pdu.js';
import { pdvsOf } from '../../sim/hospital/pdu-splitter.js';
import { CT_IMAGE } from './dicom.js';
import { associateRq, commandPdu, ECHO, pdv, type RawPeer, VERIFICATION } from './raw-peer.js';

const MODEL = '1.2.840.10008.5.1.4.1.2.2';
const IMPLICIT = '1.2.840.10008.1.2';
const CONTEXTS = {
  1: VERIFICATION,
  3: CT_IMAGE,
  5: UIDS.storageCommitment,
  7: `${MODEL}.1`,
  9: `${MODEL}.2`,
  11: `${MODEL}.3`,
};

/** Every class that the site serves, from a calling AE title. */
export function requestOfAll(callingAe: string): AssociateRq {
  const user = { maxPduLength: 16384, implementationClassUid: '1.2.3' };
  const roles = [{ sopClassUid: CT_IMAGE, scu: true, scp: true }]; // C-GET stores at the requestor
  return associateRq(CONTEXTS, { callingAe, user: { ...user, roles } });
}

/** A request's P-DATA-TFs: the command, and what may follow it. */
export type Request = readonly Buffer[];

/** Of a fragment: less than the PDU length that the site takes. */
const MOST_BYTES = 16_000;

function message(contextId: number, command: Command, ds?: Dataset): Request {
  const full = { MessageID: 1, Priority: 0, ...command };
  if (!ds) return [commandPdu(contextId, full)];
  const bytes = encodeDataset(ds, IMPLICIT);
  const size = Math.min(bytes.length >> 1, MOST_BYTES);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    parts.push(pdv(contextId, bytes.subarray(at, at + size), { command: false, last: at + size >= bytes.length }));
  }
  return [commandPdu(contextId, full, true), ...parts];
}

function object(sopInstanceUid: string, pixelBytes: number): Request {
  const ds = dataset({
    SOPClassUID: CT_IMAGE,
    SOPInstanceUID: sopInstanceUid,
    StudyInstanceUID: '2.25.77',
    SeriesInstanceUID: '2.25.78',
    PatientID: 'RAW',
    Modality: 'CT',
  });
  setElement(ds, 'PixelData', 'OW', [Buffer.alloc(pixelBytes, 5)]);
  const of = { AffectedSOPClassUID: CT_IMAGE, AffectedSOPInstanceUID: sopInstanceUid };
  return message(3, { CommandField: COMMAND_FIELD['C-STORE'], ...of }, ds);
}

/** Good requests of each service; those that retrieve ask for a study and, by C-MOVE, a destination of the site. */
export function goodRequests(
  studyInstanceUid: string,
  destination: string,
  stored: readonly [small: string, large: string] = [makeUid(), makeUid()],
): Record<string, Request> {
  const key = (QueryRetrieveLevel: string) => dataset({ QueryRetrieveLevel, StudyInstanceUID: studyInstanceUid });
  const reference = dataset({ ReferencedSOPClassUID: CT_IMAGE, ReferencedSOPInstanceUID: makeUid() });
  const transaction = dataset({ TransactionUID: makeUid(), ReferencedSOPSequence: [reference] });
  const of = (id: 7 | 9 | 11) => ({ AffectedSOPClassUID: CONTEXTS[id] });
  const move = { CommandField: COMMAND_FIELD['C-MOVE'], MoveDestination: destination };
  const action = {
    CommandField: COMMAND_FIELD['N-ACTION'],
    RequestedSOPClassUID: UIDS.storageCommitment,
    RequestedSOPInstanceUID: UIDS.storageCommitmentInstance,
    ActionTypeID: 1,
  };
  return {
    echo: message(1, ECHO(1)),
    'store small': object(stored[0], 2000),
    'store large': object(stored[1], 200_000),
    commitment: message(5, action, transaction),
    find: message(7, { CommandField: COMMAND_FIELD['C-FIND'], ...of(7) }, key('STUDY')),
    move: message(9, { ...move, ...of(9) }, key('STUDY')),
    get: message(11, { CommandField: COMMAND_FIELD['C-GET'], ...of(11) }, key('STUDY')),
  };
}

/** What the SCP did: `success` or `status XXXX` by its last response, `aborted` by an A-ABORT, `closed` without one. */
export type Outcome = string;

/** Reads up to the final response, storing what C-GET brings with a status, then releases; or up to the end of the connection. */
export async function outcome(peer: RawPeer, storeStatus = 0): Promise<Outcome> {
  let storing: Command | undefined;
  for (;;) {
    const { type, body } = await peer.next();
    if (type === 0) return 'closed';
    if (type === PDU_TYPE.abort) return 'aborted';
    if (type !== PDU_TYPE.data) return `PDU of type ${type}`;
    for (const part of pdvsOf(Buffer.concat([Buffer.alloc(6), body])) ?? []) {
      const command = part.command ? decodeCommand(part.data) : undefined;
      if (command?.CommandField === COMMAND_FIELD['C-STORE']) storing = command;
      if (storing && !part.command && part.last) {
        peer.send(storedAnswer(part.contextId, storing, storeStatus));
        storing = undefined;
      }
      const status = command && command.CommandField! >= 0x8000 ? command.Status! : undefined;
      if (status === undefined || statusClass(status) === 'pending') continue;
      return status === 0 ? 'success' : `status ${status.toString(16).toUpperCase().padStart(4, '0')}`;
    }
  }
}

/** The answer to a C-STORE request. */
export function storedAnswer(
  contextId: number,
  { MessageID, AffectedSOPClassUID, AffectedSOPInstanceUID }: Command,
  Status: number,
) {
  const of = { AffectedSOPClassUID, AffectedSOPInstanceUID, Status };
  return commandPdu(contextId, { CommandField: 0x8001, MessageIDBeingRespondedTo: MessageID, ...of });
}

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const ABORT = encodePdu({ type: 'abort', source: 0, reason: 0 });

/** Writes a length into a copy of the request's first PDU. */
function lying(write: (bytes: Buffer) => void): (peer: RawPeer, request: Request) => void {
  return (peer, [first, ...rest]) => {
    const bytes = Buffer.from(first!);
    write(bytes);
    peer.send(bytes, ...rest);
  };
}

/** All but the last bytes of the request. */
const cut = (request: Request) => Buffer.concat(request).subarray(0, -20);

export interface MisbehavingScu {
  name: string;
  act(peer: RawPeer, request: Request): Promise<void> | void;
  /** Of the SCP; undefined where the peer is gone before. */
  ends?: Outcome;
  /** The whole request was sent: it may have been done. */
  whole?: boolean;
}

/** The ways of a requestor to misbehave; those that only C-GET and C-MOVE know are with their own tests. */
export const MISBEHAVING_SCUS: readonly MisbehavingScu[] = [
  {
    name: 'asks and refuses to hear the answer: A-ABORT',
    act: (peer, request) => peer.send(...request, ABORT),
    whole: true,
  },
  {
    name: 'aborts between two PDUs of the request',
    act: (peer, request) => peer.send(...(request.length > 1 ? request.slice(0, -1) : [half(request[0]!)]), ABORT),
  },
  {
    name: 'resets in the middle of a PDU',
    act: async (peer, request) => {
      peer.send(cut(request));
      await wait(50);
      peer.socket.resetAndDestroy();
    },
  },
  {
    name: 'declares a PDU of 4 GB',
    act: lying((bytes) => bytes.writeUInt32BE(0xfffffff0, 2)),
    ends: 'aborted',
  },
  {
    name: 'declares a PDV longer than its PDU',
    act: lying((bytes) => bytes.writeUInt32BE(bytes.readUInt32BE(6) + 100, 6)),
    ends: 'aborted',
  },
  {
    name: 'declares an element longer than its command',
    act: lying((bytes) => bytes.writeUInt32LE(5000, 28)),
    ends: 'aborted',
  },
  { name: 'is silent in the middle of a PDU', act: (peer, request) => peer.send(cut(request)), ends: 'aborted' },
  { name: 'is silent from the start', act: () => {}, ends: 'aborted' },
  {
    name: 'is late in the middle of a PDU',
    act: async (peer, request) => {
      peer.send(cut(request));
      await wait(250);
      peer.send(Buffer.concat(request).subarray(-20));
    },
    ends: 'success',
    whole: true,
  },
  {
    name: 'closes in the middle of the request',
    act: (peer, request) => {
      peer.send(cut(request));
      peer.end();
    },
  },
  {
    name: 'closes instead of reading the answer',
    act: (peer, request) => {
      peer.send(...request);
      peer.end();
    },
    whole: true,
  },
];

/** A first fragment of a command that has no dataset. */
function half(pdu: Buffer): Buffer {
  return pdv(pdu[10]!, pdu.subarray(12, 40), { command: true, last: false });
}
