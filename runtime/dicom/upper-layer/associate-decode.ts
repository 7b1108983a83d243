import { ScannerError } from '../../../hal/base/errors.js';
import type {
  AnsweredContext,
  AssociateAc,
  AssociateRq,
  ProposedContext,
  RoleSelection,
  UserInformation,
} from './pdu.js';

const MAX_CONTEXTS = 128;
/** A request has 128 contexts of some syntaxes each; ten times the most that a real peer sends. */
const MAX_ITEMS = 10_000;

interface Item {
  type: number;
  body: Buffer;
}

interface Parts {
  applicationContext: string;
  contexts: Buffer[];
  user: UserInformation | undefined;
}

/** @throws ScannerError protocol.pdu */
export function decodeAssociateRq(body: Buffer): AssociateRq {
  const { applicationContext, contexts, user } = decodeVariable(body, 0x20);
  const ids = new Set(contexts.map(contextId));
  if (ids.size !== contexts.length) throw bad('a presentation context ID is used twice');
  return {
    type: 'associate-rq',
    ...decodeFixed(body),
    applicationContext,
    contexts: contexts.map(proposed),
    user: need(user),
  };
}

/** @throws ScannerError protocol.pdu */
export function decodeAssociateAc(body: Buffer): AssociateAc {
  const { applicationContext, contexts, user } = decodeVariable(body, 0x21);
  return {
    type: 'associate-ac',
    ...decodeFixed(body),
    applicationContext,
    contexts: contexts.map(answered),
    user: need(user),
  };
}

function decodeFixed(body: Buffer): { protocolVersion: number; calledAe: string; callingAe: string } {
  if (body.length < 68) throw bad(`association PDU of ${body.length} bytes`);
  return {
    protocolVersion: body.readUInt16BE(0),
    calledAe: body.toString('latin1', 4, 20).trim(),
    callingAe: body.toString('latin1', 20, 36).trim(),
  };
}

function decodeVariable(body: Buffer, contextType: number): Parts {
  const parts: Parts = { applicationContext: '', contexts: [], user: undefined };
  for (const { type, body: value } of itemsOf(body.subarray(68))) {
    if (type === 0x10) parts.applicationContext = text(value);
    else if (type === contextType) parts.contexts.push(value);
    else if (type === 0x50) parts.user = decodeUser(value);
  }
  if (parts.contexts.length > MAX_CONTEXTS) throw bad(`${parts.contexts.length} presentation contexts`);
  return parts;
}

function proposed(body: Buffer): ProposedContext {
  if (body.length < 4) throw bad('presentation context cut short');
  const inner = itemsOf(body.subarray(4));
  const abstractSyntaxes = inner.filter((item) => item.type === 0x30);
  if (abstractSyntaxes.length !== 1) throw bad(`${abstractSyntaxes.length} abstract syntaxes in context ${body[0]}`);
  const transferSyntaxes = inner.filter((item) => item.type === 0x40).map((item) => text(item.body));
  return { id: contextId(body), abstractSyntax: text(abstractSyntaxes[0]!.body), transferSyntaxes };
}

function answered(body: Buffer): AnsweredContext {
  if (body.length < 4) throw bad('presentation context cut short');
  const syntax = itemsOf(body.subarray(4)).find((item) => item.type === 0x40);
  return { id: contextId(body), result: body[2]!, transferSyntax: syntax ? text(syntax.body) : '' };
}

function contextId(body: Buffer): number {
  const id = body[0] ?? 0;
  if (id % 2 === 0) throw bad(`presentation context ID ${id} is even`);
  return id;
}

function decodeUser(body: Buffer): UserInformation {
  const user: UserInformation & { roles: RoleSelection[] } = { maxPduLength: 0, implementationClassUid: '', roles: [] };
  for (const item of itemsOf(body)) {
    if (item.type === 0x51) user.maxPduLength = sized(item, 4).readUInt32BE(0);
    else if (item.type === 0x52) user.implementationClassUid = text(item.body);
    else if (item.type === 0x53) {
      const window = sized(item, 4);
      user.asyncWindow = { invoked: window.readUInt16BE(0), performed: window.readUInt16BE(2) };
    } else if (item.type === 0x54) user.roles.push(role(item.body));
    else if (item.type === 0x55) user.implementationVersionName = text(item.body);
  }
  return user;
}

function role(body: Buffer): RoleSelection {
  const length = body.length >= 2 ? body.readUInt16BE(0) : 0;
  if (body.length !== length + 4) throw bad('role selection of wrong length');
  return { sopClassUid: text(body.subarray(2, 2 + length)), scu: body[2 + length] === 1, scp: body[3 + length] === 1 };
}

function itemsOf(body: Buffer): Item[] {
  const items: Item[] = [];
  let offset = 0;
  while (offset < body.length) {
    if (offset + 4 > body.length) throw bad('item header cut short');
    const end = offset + 4 + body.readUInt16BE(offset + 2);
    if (end > body.length) throw bad(`item ${body[offset]} longer than what holds it`);
    items.push({ type: body[offset]!, body: body.subarray(offset + 4, end) });
    if (items.length > MAX_ITEMS) throw bad(`more than ${MAX_ITEMS} items`);
    offset = end;
  }
  return items;
}

function sized(item: Item, length: number): Buffer {
  if (item.body.length !== length) throw bad(`item ${item.type} of ${item.body.length} bytes, expected ${length}`);
  return item.body;
}

/** UIDs and names, without the NUL or space that some peers pad with. */
function text(bytes: Buffer): string {
  return bytes.toString('latin1').replace(/[\0 ]+$/, '');
}

function need(user: UserInformation | undefined): UserInformation {
  if (!user) throw bad('no user information item');
  return user;
}

function bad(message: string): ScannerError {
  return new ScannerError('protocol.pdu', { peer: 'peer', message });
}
