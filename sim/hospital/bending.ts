import { type Command, encodeCommand } from '../../runtime/dicom/dimse/command.js';
import { commandFragments } from '../../runtime/dicom/dimse/fragment.js';
import { statusClass } from '../../runtime/dicom/dimse/status.js';
import type { Exchange } from './exchange.js';
import { dataPdu, type Pdv } from './pdu-splitter.js';

/** A response as the server behind gave it. */
export interface Message {
  command: Command;
  contextId: number;
  /** Its dataset's fragments; none without a dataset. */
  data: readonly Pdv[];
}

/** Where lengths stand in a command's first PDU: its own, the PDV's, and that of the first element after the group length. */
const LENGTH_OFFSET = { pdu: 2, pdv: 6, element: 28 } as const;

/** The response as the rules have it. */
export function bend(exchange: Exchange, message: Message): Message {
  const command = { ...message.command };
  let { data } = message;
  const status = exchange.statusFor(isPending(command));
  if (status) {
    command.Status = Number.parseInt(status.status, 16);
    if (status.comment) command.ErrorComment = status.comment;
    if (!isPending(command)) data = [];
  }
  const wrong = exchange.find('wrong-id');
  if (wrong)
    command.MessageIDBeingRespondedTo = wrong.messageId ?? ((command.MessageIDBeingRespondedTo ?? 0) + 1) % 0x10000;
  return { ...message, command, data };
}

/** The response's PDUs, with the lie about their length that the rules want. */
export function encodeMessage(exchange: Exchange, { command, contextId, data }: Message, sendLimit: number): Buffer {
  const parts = commandFragments(contextId, encodeCommand(command, data.length > 0), sendLimit);
  const bytes = Buffer.concat([...parts, ...data.map((pdv) => dataPdu([pdv]))]);
  const lie = exchange.find('wrong-length');
  if (!lie) return bytes;
  const offset = LENGTH_OFFSET[lie.of];
  if (lie.of === 'element') bytes.writeUInt32LE((bytes.readUInt32LE(offset) + lie.by) >>> 0, offset);
  else bytes.writeUInt32BE((bytes.readUInt32BE(offset) + lie.by) >>> 0, offset);
  return bytes;
}

export function isPending(command: Command): boolean {
  return statusClass(command.Status ?? 0) === 'pending';
}
