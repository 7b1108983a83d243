/** Requests in the words of the dictionary. */

import { asScannerError, ScannerError } from '../base/errors.js';
import type { CommandOptions, Identity, Reply } from '../contract/device.js';
import type { CommandEntry, Dictionary } from '../wire/dictionary.js';
import { OP } from '../wire/frame.js';
import { commandRequest, readRequest, readStatePayload, STATE_INDEX, writeRequest } from '../wire/operations.js';
import type { Answer, HostSession } from '../wire/session.js';
import { ValueReader, type WireRecord, type WireValue } from '../wire/values.js';

export interface Requests {
  /** @throws ScannerError device.refused, protocol.object and those of `HostSession.request` */
  read(name: string, options: CommandOptions): Promise<WireValue>;
  write(name: string, value: WireValue, options: CommandOptions): Promise<Reply>;
  /** Arguments outside the dictionary's range are refused here already, with `outOfRange`. */
  command(entry: CommandEntry, args: WireRecord, options: CommandOptions): Promise<Reply>;
  state(options: CommandOptions): Promise<WireRecord>;
  identity(options: CommandOptions): Promise<Identity>;
}

/** @param defaultMs wall ms an answer may take when the caller says nothing */
export function requestsOver(session: HostSession, dictionary: Dictionary, defaultMs: number): Requests {
  const { device } = dictionary;

  const ask = (op: number, payload: Uint8Array, what: string, idempotent: boolean, options: CommandOptions) =>
    session.request({
      op,
      payload,
      what,
      idempotent,
      deadlineMs: options.deadlineMs ?? defaultMs,
      signal: options.signal,
    });

  const fetch = async (index: number, subindex: number, what: string, options: CommandOptions) => {
    const answer = await ask(OP.read, readRequest(index, subindex), `read ${what}`, true, options);
    if (answer.kind === 'accepted') return answer.payload;
    throw new ScannerError('device.refused', { device, command: `read ${what}`, reason: answer.reason });
  };

  const read = async (name: string, options: CommandOptions) => {
    const object = dictionary.object(name);
    const reader = new ValueReader(await fetch(object.index, object.subindex, name, options));
    const value = reader.read(object);
    reader.end(name);
    return value;
  };

  return {
    read,
    async write(name, value, options) {
      const payload = writeRequest(dictionary.object(name), value);
      return replyOf(await ask(OP.write, payload, `write ${name}`, true, options));
    },
    async command(entry, args, options) {
      let payload: Buffer;
      try {
        payload = commandRequest(entry, args);
      } catch (error) {
        return { kind: 'refused', reason: 'outOfRange', detail: asScannerError(error).message };
      }
      return replyOf(await ask(OP.command, payload, entry.name, entry.idempotent, options));
    },
    async state(options) {
      return readStatePayload(dictionary, await fetch(STATE_INDEX, 0, 'state', options));
    },
    async identity(options) {
      return {
        model: String(await read('model', options)),
        serial: String(await read('serial', options)),
        firmware: String(await read('firmware', options)),
        dictionaryVersion: Number(await read('dictionaryVersion', options)),
      };
    },
  };
}

function replyOf(answer: Answer): Reply {
  return answer.kind === 'accepted'
    ? { kind: 'accepted' }
    : { kind: 'refused', reason: answer.reason, detail: answer.detail };
}
