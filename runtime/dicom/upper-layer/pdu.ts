/** Protocol data units: PS3.8 9.3. */

export interface ProposedContext {
  /** Odd, 1 to 255. */
  id: number;
  abstractSyntax: string;
  transferSyntaxes: readonly string[];
}

export interface AnsweredContext {
  id: number;
  /** 0 acceptance, 1 user rejection, 2 no reason, 3 abstract syntax not supported, 4 transfer syntaxes not supported. */
  result: number;
  transferSyntax: string;
}

export interface RoleSelection {
  sopClassUid: string;
  scu: boolean;
  scp: boolean;
}

export interface UserInformation {
  /** Longest P-DATA-TF that its sender takes, bytes; 0 for no limit. */
  maxPduLength: number;
  implementationClassUid: string;
  implementationVersionName?: string;
  roles: readonly RoleSelection[];
  asyncWindow?: { invoked: number; performed: number };
}

interface AssociateCommon {
  /** Bit 0 is version 1. */
  protocolVersion: number;
  calledAe: string;
  callingAe: string;
  applicationContext: string;
  user: UserInformation;
}

export interface AssociateRq extends AssociateCommon {
  type: 'associate-rq';
  contexts: readonly ProposedContext[];
}

export interface AssociateAc extends AssociateCommon {
  type: 'associate-ac';
  contexts: readonly AnsweredContext[];
}

export interface AssociateRj {
  type: 'associate-rj';
  /** 1 permanent, 2 transient. */
  result: number;
  /** 1 service user, 2 service provider (ACSE), 3 service provider (presentation). */
  source: number;
  reason: number;
}

export interface Abort {
  type: 'abort';
  /** 0 service user, 2 service provider. */
  source: number;
  reason: number;
}

export type Pdu = AssociateRq | AssociateAc | AssociateRj | Abort | { type: 'release-rq' } | { type: 'release-rp' };

/** A stretch of one PDV's value, as it came off the socket. */
export interface DataPiece {
  contextId: number;
  command: boolean;
  /** The command or dataset ends with this piece. */
  last: boolean;
  data: Buffer;
}

export const PDU_TYPE = {
  'associate-rq': 1,
  'associate-ac': 2,
  'associate-rj': 3,
  data: 4,
  'release-rq': 5,
  'release-rp': 6,
  abort: 7,
} as const;

/** Reasons of a provider's A-ABORT: PS3.8 table 9-26. */
export const ABORT_REASON = { notSpecified: 0, unrecognizedPdu: 1, unexpectedPdu: 2, invalidParameter: 6 } as const;

/** Bytes of PDU header and PDV header before a fragment. */
export const PDV_HEADER_BYTES = 12;

export function encodePdu(pdu: Pdu): Buffer {
  switch (pdu.type) {
    case 'associate-rq':
    case 'associate-ac':
      return framed(PDU_TYPE[pdu.type], encodeAssociate(pdu));
    case 'associate-rj':
      return framed(PDU_TYPE[pdu.type], Buffer.from([0, pdu.result, pdu.source, pdu.reason]));
    case 'abort':
      return framed(PDU_TYPE[pdu.type], Buffer.from([0, 0, pdu.source, pdu.reason]));
    case 'release-rq':
    case 'release-rp':
      return framed(PDU_TYPE[pdu.type], Buffer.alloc(4));
  }
}

/** Writes the 12 bytes before a fragment of `length` bytes which is alone in its P-DATA-TF. */
export function writePdvHeader(
  target: Buffer,
  offset: number,
  fragment: { contextId: number; command: boolean; last: boolean; length: number },
): void {
  target[offset] = PDU_TYPE.data;
  target[offset + 1] = 0;
  target.writeUInt32BE(fragment.length + 6, offset + 2);
  target.writeUInt32BE(fragment.length + 2, offset + 6);
  target[offset + 10] = fragment.contextId;
  target[offset + 11] = (fragment.command ? 1 : 0) | (fragment.last ? 2 : 0);
}

function encodeAssociate(pdu: AssociateRq | AssociateAc): Buffer {
  const fixed = Buffer.alloc(68);
  fixed.writeUInt16BE(pdu.protocolVersion, 0);
  fixed.write(pdu.calledAe.padEnd(16).slice(0, 16), 4, 'latin1');
  fixed.write(pdu.callingAe.padEnd(16).slice(0, 16), 20, 'latin1');
  const contexts = pdu.type === 'associate-rq' ? pdu.contexts.map(encodeProposed) : pdu.contexts.map(encodeAnswered);
  return Buffer.concat([fixed, item(0x10, uid(pdu.applicationContext)), ...contexts, item(0x50, encodeUser(pdu.user))]);
}

function encodeProposed(context: ProposedContext): Buffer {
  const syntaxes = context.transferSyntaxes.map((syntax) => item(0x40, uid(syntax)));
  const head = Buffer.from([context.id, 0, 0, 0]);
  return item(0x20, Buffer.concat([head, item(0x30, uid(context.abstractSyntax)), ...syntaxes]));
}

function encodeAnswered(context: AnsweredContext): Buffer {
  const head = Buffer.from([context.id, 0, context.result, 0]);
  return item(0x21, Buffer.concat([head, item(0x40, uid(context.transferSyntax))]));
}

function encodeUser(user: UserInformation): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(user.maxPduLength);
  const parts = [item(0x51, length), item(0x52, uid(user.implementationClassUid))];
  if (user.asyncWindow) {
    const window = Buffer.alloc(4);
    window.writeUInt16BE(user.asyncWindow.invoked, 0);
    window.writeUInt16BE(user.asyncWindow.performed, 2);
    parts.push(item(0x53, window));
  }
  for (const role of user.roles) {
    const length16 = Buffer.alloc(2);
    length16.writeUInt16BE(role.sopClassUid.length);
    parts.push(item(0x54, Buffer.concat([length16, uid(role.sopClassUid), Buffer.from([+role.scu, +role.scp])])));
  }
  if (user.implementationVersionName) parts.push(item(0x55, uid(user.implementationVersionName.slice(0, 16))));
  return Buffer.concat(parts);
}

function uid(value: string): Buffer {
  return Buffer.from(value, 'latin1');
}

function item(type: number, body: Buffer): Buffer {
  const head = Buffer.from([type, 0, 0, 0]);
  head.writeUInt16BE(body.length, 2);
  return Buffer.concat([head, body]);
}

function framed(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(6);
  head[0] = type;
  head.writeUInt32BE(body.length, 2);
  return Buffer.concat([head, body]);
}
