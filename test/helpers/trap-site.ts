import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { setElement, text } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { COMMAND_FIELD, type Command, decodeCommand } from '../../runtime/dicom/dimse/command.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { Pacs } from '../../sim/hospital/pacs.js';
import { CT_IMAGE, clock, log, scratch } from './dicom.js';
import { ctObject } from './incoming.js';
import { associateRq, commandPdu, ECHO, RawPeer, VERIFICATION } from './raw-peer.js';
import { type Receiver, startReceiver } from './receiver.js';

/** Types of PDUs that an acceptor sends. */
export const PDU = { accepted: 2, rejected: 3, data: 4, released: 6, abort: 7 } as const;
export const IMPLICIT = '1.2.840.10008.1.2';
export const CONTEXTS = { 1: VERIFICATION, 3: CT_IMAGE, 5: UIDS.storageCommitment };

/** Our Storage SCP with the other services beside it, and the moves of a peer that talks to it byte by byte. */
export class TrapSite {
  readonly receiver: Receiver;
  readonly port: number;

  private constructor(receiver: Receiver) {
    this.receiver = receiver;
    this.port = receiver.node.port;
  }

  static async start(): Promise<TrapSite> {
    const folder = join(scratch(), 'pacs');
    const pacs = new Pacs({ aeTitle: 'RIG', folder, clock, log, callbacks: [] });
    const timeouts = { artimMs: 2000, closingMs: 300, networkMs: 500 };
    return new TrapSite(await startReceiver({ timeouts, others: pacs.services().slice(1) }));
  }

  async open(contexts: Record<number, string> = CONTEXTS, more: object = {}): Promise<RawPeer> {
    const peer = await this.connected(associateRq(contexts, more));
    assert.is((await peer.next()).type, PDU.accepted);
    return peer;
  }

  async connected(...parts: Parameters<RawPeer['send']>): Promise<RawPeer> {
    const peer = await RawPeer.connect(this.port);
    peer.send(...parts);
    return peer;
  }
}

export async function response(peer: RawPeer): Promise<Command> {
  const { type, body } = await peer.next();
  assert.is(type, PDU.data);
  return decodeCommand(body.subarray(6));
}

/** The association is alive and in step; ends it. */
export async function answers(peer: RawPeer, id = 99): Promise<void> {
  peer.send(commandPdu(1, ECHO(id)));
  const { Status, MessageIDBeingRespondedTo } = await response(peer);
  assert.equal([Status, MessageIDBeingRespondedTo], [0, id]);
  peer.send({ type: 'release-rq' });
  assert.is((await peer.next()).type, PDU.released);
  peer.end();
}

export const storeRequest = (uid: string, id = 1): Command => ({
  CommandField: COMMAND_FIELD['C-STORE'],
  MessageID: id,
  Priority: 0,
  AffectedSOPClassUID: CT_IMAGE,
  AffectedSOPInstanceUID: uid,
});

/** An object: its UID, and its bytes with `tail` behind them. */
export function smallObject(tail = Buffer.alloc(0), transferSyntax = IMPLICIT): { uid: string; bytes: Buffer } {
  const ds = ctObject();
  setElement(ds, 'PixelData', 'OW', [Buffer.alloc(64, 5)]);
  return { uid: text(ds, 'SOPInstanceUID')!, bytes: Buffer.concat([encodeDataset(ds, transferSyntax), tail]) };
}
