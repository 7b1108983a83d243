/** Reads, writes and commands of a device, checked against its dictionary before the model sees them. */

import { asScannerError } from '../base/errors.js';
import { DICTIONARY_VERSION, type ObjectEntry } from './dictionary.js';
import { type ControlFrame, OP } from './frame.js';
import type { DeviceModel, ModelReply } from './model.js';
import { refusal, STATE_INDEX, statePayload, type WireLifecycle } from './operations.js';
import { ValueReader, ValueWriter, type WireValue } from './values.js';

export interface NodeReply {
  type: number;
  payload: Buffer;
}

interface LifecycleAccess {
  get(): WireLifecycle;
  set(lifecycle: WireLifecycle): void;
}

const NOTHING = Buffer.alloc(0);
const ACCEPTED: NodeReply = { type: OP.accept, payload: NOTHING };

export class NodeObjects {
  readonly #model: DeviceModel;
  readonly #lifecycle: LifecycleAccess;
  /** The common objects; others are the model's. */
  readonly #common: Readonly<Record<string, () => WireValue>>;

  constructor(model: DeviceModel, lifecycle: LifecycleAccess) {
    this.#model = model;
    this.#lifecycle = lifecycle;
    this.#common = {
      model: () => model.identity.model,
      serial: () => model.identity.serial,
      firmware: () => model.identity.firmware,
      dictionaryVersion: () => DICTIONARY_VERSION,
      bootId: () => model.bootId,
      uptime: () => model.deviceTimeUs(),
      bulkPort: () => model.bulkPort,
      lifecycle: () => lifecycle.get(),
    };
  }

  handle(frame: ControlFrame): NodeReply | Promise<NodeReply> {
    const reader = new ValueReader(frame.payload);
    try {
      switch (frame.type) {
        case OP.read:
          return this.#read(reader);
        case OP.write:
          return this.#write(reader);
        case OP.command:
          return this.#command(reader);
        default:
          return refuse('unknownOperation', `type ${frame.type}`);
      }
    } catch (error) {
      return refuse('outOfRange', asScannerError(error).message);
    }
  }

  #read(reader: ValueReader): NodeReply {
    const index = reader.u16('index');
    const subindex = reader.u8('subindex');
    reader.end('read');
    const { dictionary } = this.#model;
    if (index === STATE_INDEX) return { type: OP.accept, payload: statePayload(dictionary, this.#model.readState()) };
    const object = dictionary.objectAt(index, subindex);
    if (!object) return refuse('unknownObject', `${index.toString(16)}.${subindex}`);
    return { type: OP.accept, payload: new ValueWriter(false).write(object, this.#valueOf(object)).bytes() };
  }

  #valueOf(object: ObjectEntry): WireValue {
    const common = this.#common[object.name];
    if (common) return common();
    return object.state ? this.#model.readState()[object.name]! : this.#model.read(object.name);
  }

  #write(reader: ValueReader): NodeReply {
    const index = reader.u16('index');
    const subindex = reader.u8('subindex');
    const object = this.#model.dictionary.objectAt(index, subindex);
    if (!object) return refuse('unknownObject', `${index.toString(16)}.${subindex}`);
    if (object.access !== 'rw') return refuse('readOnly', object.name);
    const value = reader.read(object);
    reader.end(object.name);
    if (object.name === 'lifecycle') {
      this.#lifecycle.set(value as WireLifecycle);
      return ACCEPTED;
    }
    return replyOf(this.#model.write(object.name, value));
  }

  #command(reader: ValueReader): NodeReply | Promise<NodeReply> {
    const id = reader.u16('command');
    const command = this.#model.dictionary.commandOf(id);
    if (!command) return refuse('unknownCommand', `id ${id}`);
    const args = reader.readAll(command.args);
    reader.end(command.name);
    if (this.#lifecycle.get() !== 'active' && !command.always) {
      return refuse('inactive', `${command.name} needs an active device`);
    }
    const reply = this.#model.command(command.name, args);
    return reply instanceof Promise ? reply.then(replyOf) : replyOf(reply);
  }
}

function replyOf(reply: ModelReply): NodeReply {
  return reply.kind === 'accepted' ? ACCEPTED : refuse(reply.reason, reply.detail);
}

function refuse(reason: string, detail: string): NodeReply {
  return { type: OP.refuse, payload: refusal(reason, detail) };
}
