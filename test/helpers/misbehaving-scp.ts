import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { COMMAND_FIELD, type Command, decodeCommand } from '../../runtime/dicom/dimse/command.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { decodeAssociateRq } from '../../runtime/dicom/upper-layer/associate-decode.js';
import { type AssociateAc, type AssociateRq, encodePdu, PDU_TYPE } from '../../runtime/dicom/upper-layer/pdu.js';
import { type Pdv, pdvsOf } from '../../sim/hospital/pdu-splitter.js';
import { commandPdu, pdv, type RawPeer } from './raw-peer.js';

/** What an SCP gets wrong, once an association: instead of its A-ASSOCIATE-AC, at the first PDV of the first request, or instead of its answer. */
export interface Misbehaviour {
  name: string;
  at: 'associate' | 'request' | 'answer';
  /** @param answer what a good SCP would send: A-ASSOCIATE-AC or the response's P-DATA-TF */
  act(peer: RawPeer, answer: Buffer): Promise<void> | void;
}

const IMPLICIT = '1.2.840.10008.1.2';
const NO_DATASET = 0x0101;
/** The transaction whose result follows an N-ACTION. */
export const TRANSACTION = '2.25.99';

/** An SCP of every class over one connection, right in all but one thing. */
export async function serveWith(peer: RawPeer, wrong?: Misbehaviour): Promise<void> {
  const { body } = await peer.next();
  const accepted = encodePdu(acceptAll(decodeAssociateRq(body)));
  if (wrong?.at === 'associate') await wrong.act(peer, accepted);
  else peer.send(accepted);
  let struck = wrong?.at === 'associate';
  let command: Command | undefined;
  for (let pdu = await peer.next(); pdu.type !== 0; pdu = await peer.next()) {
    if (pdu.type === PDU_TYPE['release-rq']) peer.send({ type: 'release-rp' });
    if (pdu.type !== PDU_TYPE.data) continue;
    for (const part of pdvsOf(Buffer.concat([Buffer.alloc(6), pdu.body])) ?? []) {
      if (wrong?.at === 'request' && !struck) {
        struck = true;
        await wrong.act(peer, Buffer.alloc(0));
      }
      if (part.command) command = decodeCommand(part.data);
      if (!command || !isWhole(part, command) || command.CommandField! >= 0x8000) continue;
      const answer = answerTo(part.contextId, command);
      if (wrong?.at === 'answer' && !struck) {
        struck = true;
        await wrong.act(peer, answer);
      } else peer.send(answer);
    }
  }
}

function isWhole(part: Pdv, command: Command): boolean {
  return part.last && part.command === (command.CommandDataSetType === NO_DATASET);
}

/** Every context, implicit VR where it is proposed. */
function acceptAll(request: AssociateRq): AssociateAc {
  const contexts = request.contexts.map(({ id, transferSyntaxes }) => {
    const transferSyntax = transferSyntaxes.includes(IMPLICIT) ? IMPLICIT : transferSyntaxes[0]!;
    return { id, result: 0, transferSyntax };
  });
  const user = { maxPduLength: 16384, implementationClassUid: '1.2.3', roles: request.user.roles };
  return { ...request, type: 'associate-ac', contexts, user };
}

function answerTo(contextId: number, command: Command): Buffer {
  const creates = command.CommandField === COMMAND_FIELD['N-CREATE'];
  const response = commandPdu(contextId, {
    CommandField: command.CommandField! | 0x8000,
    MessageIDBeingRespondedTo: command.MessageID,
    AffectedSOPClassUID: command.AffectedSOPClassUID ?? command.RequestedSOPClassUID,
    ...(creates && { AffectedSOPInstanceUID: command.AffectedSOPInstanceUID ?? '2.25.98' }),
    Status: 0,
  });
  if (command.CommandField !== COMMAND_FIELD['N-ACTION']) return response;
  return Buffer.concat([response, commitmentResult(contextId)]);
}

function commitmentResult(contextId: number): Buffer {
  const command: Command = {
    CommandField: COMMAND_FIELD['N-EVENT-REPORT'],
    MessageID: 1,
    AffectedSOPClassUID: UIDS.storageCommitment,
    AffectedSOPInstanceUID: UIDS.storageCommitmentInstance,
    EventTypeID: 1,
  };
  const result = encodeDataset(dataset({ TransactionUID: TRANSACTION, ReferencedSOPSequence: [] }), IMPLICIT);
  return Buffer.concat([commandPdu(contextId, command, true), pdv(contextId, result, { command: false })]);
}

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const ABORT = encodePdu({ type: 'abort', source: 0, reason: 0 });
/** Length fields of the first PDU of an answer: the PDU's, the PDV's, that of the element after the group length. */
const [PDU_LENGTH, PDV_LENGTH, ELEMENT_LENGTH] = [2, 6, 28];

function lying(write: (bytes: Buffer) => void): Misbehaviour['act'] {
  return (peer, answer) => {
    const bytes = Buffer.from(answer);
    write(bytes);
    peer.send(bytes);
  };
}

function refusedContexts(answer: Buffer): Buffer {
  const bytes = Buffer.from(answer);
  // each presentation context item (0x21) has its result in the third byte behind its length
  for (let at = 74; at < bytes.length; at += 4 + bytes.readUInt16BE(at + 2)) if (bytes[at] === 0x21) bytes[at + 6] = 3;
  return bytes;
}

const STATUS_HEADER = Buffer.from('0000000902000000', 'hex');

/** The answer with the status 0110 in the place of success. */
function failing(answer: Buffer): Buffer {
  const bytes = Buffer.from(answer);
  bytes.writeUInt16LE(0x0110, bytes.indexOf(STATUS_HEADER) + STATUS_HEADER.length);
  return bytes;
}

/** How long our SCUs wait, how late is late, and how late too late: wall ms. */
export const PATIENCE_MS = 800;
const [LATE_MS, TOO_LATE_MS] = [200, 1600];

/** The six ways in which a peer misbehaves, each at its moments; `ends` is the code of the error that it gives, none where all is well. */
export const MISBEHAVIOURS: readonly (Misbehaviour & { ends: string })[] = [
  {
    name: 'refuses the association',
    at: 'associate',
    act: (peer) => peer.send({ type: 'associate-rj', result: 1, source: 1, reason: 7 }),
    ends: 'peer.rejected',
  },
  {
    name: 'refuses every context',
    at: 'associate',
    act: (peer, answer) => peer.send(refusedContexts(answer)),
    ends: 'peer.context',
  },
  { name: 'refuses the request', at: 'answer', act: (peer, answer) => peer.send(failing(answer)), ends: 'peer.status' },
  {
    name: 'resets in the middle of its A-ASSOCIATE-AC',
    at: 'associate',
    act: async (peer, answer) => {
      peer.send(answer.subarray(0, 50));
      await wait(20);
      peer.socket.resetAndDestroy();
    },
    ends: 'peer.aborted',
  },
  { name: 'aborts in the middle of the request', at: 'request', act: (peer) => peer.send(ABORT), ends: 'peer.aborted' },
  {
    name: 'resets in the middle of the request',
    at: 'request',
    act: (peer) => void peer.socket.resetAndDestroy(),
    ends: 'peer.aborted',
  },
  {
    name: 'resets in the middle of a PDU of its answer',
    at: 'answer',
    act: async (peer, answer) => {
      peer.send(answer.subarray(0, 20));
      await wait(20);
      peer.socket.resetAndDestroy();
    },
    ends: 'peer.aborted',
  },
  {
    name: 'aborts between two fragments of its answer',
    at: 'answer',
    act: (peer, answer) => peer.send(pdv(answer[10]!, answer.subarray(12, 30), { command: true, last: false }), ABORT),
    ends: 'peer.aborted',
  },
  {
    name: 'declares a PDU of 4 GB',
    at: 'answer',
    act: lying((bytes) => bytes.writeUInt32BE(0xfffffff0, PDU_LENGTH)),
    ends: 'protocol.pdu',
  },
  {
    name: 'declares more than it sends',
    at: 'answer',
    act: lying((bytes) => {
      for (const at of [PDU_LENGTH, PDV_LENGTH]) bytes.writeUInt32BE(bytes.readUInt32BE(at) + 4000, at);
    }),
    ends: 'peer.timeout',
  },
  {
    name: 'declares a PDV longer than its PDU',
    at: 'answer',
    act: lying((bytes) => bytes.writeUInt32BE(bytes.readUInt32BE(PDV_LENGTH) + 100, PDV_LENGTH)),
    ends: 'protocol.pdu',
  },
  {
    name: 'declares an element longer than its command',
    at: 'answer',
    act: lying((bytes) => bytes.writeUInt32LE(5000, ELEMENT_LENGTH)),
    ends: 'protocol.dimse',
  },
  { name: 'is silent to the association', at: 'associate', act: () => {}, ends: 'peer.timeout' },
  { name: 'is silent to the request', at: 'answer', act: () => {}, ends: 'peer.timeout' },
  {
    name: 'accepts late, yet in time',
    at: 'associate',
    act: async (peer, answer) => {
      await wait(LATE_MS);
      peer.send(answer);
    },
    ends: 'none',
  },
  {
    name: 'answers late, yet in time',
    at: 'answer',
    act: async (peer, answer) => {
      await wait(LATE_MS);
      peer.send(answer);
    },
    ends: 'none',
  },
  {
    name: 'accepts when nobody waits any more',
    at: 'associate',
    act: async (peer, answer) => {
      await wait(TOO_LATE_MS);
      peer.send(answer);
    },
    ends: 'peer.timeout',
  },
  {
    name: 'answers when nobody waits any more',
    at: 'answer',
    act: async (peer, answer) => {
      await wait(TOO_LATE_MS);
      peer.send(answer);
    },
    ends: 'peer.timeout',
  },
  { name: 'closes instead of accepting', at: 'associate', act: (peer) => void peer.socket.end(), ends: 'peer.aborted' },
  { name: 'closes instead of answering', at: 'answer', act: (peer) => void peer.socket.end(), ends: 'peer.aborted' },
];
