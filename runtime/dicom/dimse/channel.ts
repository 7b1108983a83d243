import type { Clock } from '../../../hal/base/clock.js';
import { within } from '../../../hal/base/deadline.js';
import { asScannerError, ScannerError } from '../../../hal/base/errors.js';
import type { Log } from '../../../hal/base/log.js';
import type { Dataset } from '../dataset/dataset.js';
import { decodeDataset } from '../dataset/decode.js';
import { encodeDataset } from '../dataset/encode.js';
import type { AcceptedContext, Association } from '../upper-layer/association.js';
import { CANCEL_FIELD, type Command, encodeCommand, isResponse } from './command.js';
import { commandFragments, FragmentStream } from './fragment.js';
import { type Message, readMessage, textNotes } from './message.js';
import { Performer, type RequestHandler } from './performer.js';
import { bufferSource } from './source.js';
import { statusClass } from './status.js';

export interface Response {
  command: Command;
  status: number;
  dataset: Dataset | undefined;
  /** Why there is no dataset although one came: data.dicom. The messages after it can still be read. */
  unreadable?: ScannerError;
}

export interface ChannelOptions {
  clock: Clock;
  log: Log;
  /** Performs what the peer asks; without one every request is answered "unrecognized operation". */
  handler?: RequestHandler;
  /** How long the peer may send nothing between messages. */
  idleMs?: number;
}

/** Responses that may wait for whoever asked before the socket is held back. */
const MAX_WAITING = 32;

interface Pending {
  responses: Response[];
  wake: () => void;
  room: () => void;
}

/**
 * DIMSE messages over an association, both ways: one operation of ours outstanding at a time, one of the peer's performed at a time.
 * A message is never torn: senders queue behind each other.
 */
export class DimseChannel {
  readonly association: Association;
  /** Resolves when the association is over and everything under way has ended; never rejects. */
  readonly done: Promise<void>;
  readonly #options: ChannelOptions;
  readonly #pending = new Map<number, Pending>();
  readonly #performer: Performer;
  #messageId = 0;
  #writing: Promise<unknown> = Promise.resolve();
  #asking: Promise<unknown> = Promise.resolve();

  constructor(association: Association, options: ChannelOptions) {
    this.association = association;
    this.#options = options;
    this.#performer = new Performer(this, options.handler, options.log);
    this.done = this.#run();
  }

  /** The next message ID: 1 to 65535, then 1 again. */
  nextMessageId(): number {
    this.#messageId = (this.#messageId % 0xffff) + 1;
    return this.#messageId;
  }

  /**
   * Sends a request and waits for its one response.
   * @param timeoutMs from the last byte sent to the response
   * @throws ScannerError peer.timeout, peer.aborted, protocol.*
   */
  async request(
    context: AcceptedContext,
    command: Command,
    data: Dataset | FragmentStream | undefined,
    timeoutMs: number,
  ): Promise<Response> {
    for await (const response of this.exchange(context, command, data, timeoutMs)) {
      if (response.unreadable) throw response.unreadable;
      return response;
    }
    throw this.association.failure ?? this.#gone('the association was released before the response');
  }

  /**
   * Sends a request and yields its responses up to the final one. Leaving the loop early cancels: C-CANCEL goes out
   * and what still comes is dropped.
   */
  async *exchange(
    context: AcceptedContext,
    command: Command,
    data: Dataset | FragmentStream | undefined,
    timeoutMs: number,
  ): AsyncGenerator<Response> {
    const turn = await this.#takeTurn();
    const id = this.nextMessageId();
    const pending: Pending = { responses: [], wake: () => {}, room: () => {} };
    this.#pending.set(id, pending);
    let final = false;
    try {
      await this.send(context, { ...command, MessageID: id }, data);
      while (!final) {
        const response = await this.#nextResponse(pending, command, timeoutMs);
        final = statusClass(response.status) !== 'pending';
        yield response;
      }
    } finally {
      if (!final && !this.association.over) await this.#cancel(context, id, pending, command, timeoutMs);
      this.#pending.delete(id);
      pending.room();
      turn();
    }
  }

  /** Sends one message whole. */
  async send(context: AcceptedContext, command: Command, data?: Dataset | FragmentStream): Promise<void> {
    const before = this.#writing;
    const sending = before.then(() => this.#sendNow(context, command, data));
    this.#writing = sending.catch(() => undefined);
    try {
      await sending;
    } catch (error) {
      // a message that stops half way leaves nothing that could follow it
      this.association.fail(asScannerError(error));
      throw error;
    }
  }

  /** Runs `use` while no message of ours is under way and none can start: it may lend the connection to a thread. */
  async alone<T>(use: () => Promise<T>): Promise<T> {
    const turn = await this.#takeTurn();
    const using = this.#writing.then(use);
    this.#writing = using.catch(() => undefined);
    return using.finally(turn);
  }

  /** Waits for the response to a request with this ID that went out otherwise than by `exchange`. */
  async responseTo(id: number, command: Command, timeoutMs: number): Promise<Response> {
    const pending: Pending = { responses: [], wake: () => {}, room: () => {} };
    this.#pending.set(id, pending);
    try {
      return await this.#nextResponse(pending, command, timeoutMs);
    } finally {
      this.#pending.delete(id);
    }
  }

  /** Waits for what the peer asked to be performed, then releases. */
  async release(): Promise<void> {
    await this.#performer.settled();
    await this.association.release();
    await this.done;
  }

  async #sendNow(context: AcceptedContext, command: Command, data?: Dataset | FragmentStream): Promise<void> {
    const { sendLimit } = this.association;
    const stream = data === undefined || data instanceof FragmentStream ? data : this.#streamOf(context, data);
    await this.association.write(commandFragments(context.id, encodeCommand(command, stream !== undefined), sendLimit));
    await stream?.sendTo(this.association);
  }

  #streamOf(context: AcceptedContext, data: Dataset): FragmentStream {
    const source = bufferSource(encodeDataset(data, context.transferSyntax));
    return new FragmentStream(context.id, source, this.association.sendLimit);
  }

  async #takeTurn(): Promise<() => void> {
    const before = this.#asking;
    let free = () => {};
    this.#asking = new Promise<void>((resolve) => (free = resolve));
    await before;
    return free;
  }

  async #nextResponse(pending: Pending, command: Command, timeoutMs: number): Promise<Response> {
    const { clock } = this.#options;
    const peer = this.association.options.peerName;
    const what = `request ${command.CommandField.toString(16).padStart(4, '0')}`;
    while (pending.responses.length === 0) {
      if (this.association.over) throw this.association.failure ?? this.#gone('the association was released');
      const woken = new Promise<void>((resolve) => (pending.wake = resolve));
      try {
        await within(woken, { clock: clock.wall, ms: timeoutMs, code: 'peer.timeout', context: { node: peer, what } });
      } catch (error) {
        this.association.fail(asScannerError(error));
        throw error;
      }
    }
    pending.room();
    return pending.responses.shift()!;
  }

  async #cancel(
    context: AcceptedContext,
    id: number,
    pending: Pending,
    command: Command,
    timeoutMs: number,
  ): Promise<void> {
    const node = this.association.options.peerName;
    const overdue = new ScannerError('peer.timeout', { node, what: 'C-CANCEL', ms: timeoutMs });
    // a peer that goes on with matches for ever is not listened to for ever
    const patience = this.#options.clock.wall.after(timeoutMs, () => this.association.fail(overdue));
    try {
      await this.send(context, { CommandField: CANCEL_FIELD, MessageIDBeingRespondedTo: id });
      while (statusClass((await this.#nextResponse(pending, command, timeoutMs)).status) === 'pending') {
        // matches that were on their way when the peer heard of the cancel
      }
    } catch (error) {
      this.#options.log.warn({ error: (error as Error).message }, 'cancel not answered');
    } finally {
      patience.cancel();
    }
  }

  async #run(): Promise<void> {
    const idleMs = this.#options.idleMs ?? Number.POSITIVE_INFINITY;
    try {
      for (;;) {
        const message = await readMessage(this.association, idleMs);
        if (!message) break;
        await this.#route(message);
      }
    } catch (error) {
      this.association.fail(asScannerError(error));
    }
    this.#performer.stop();
    for (const pending of this.#pending.values()) pending.wake();
    await this.#performer.settled();
  }

  async #route(message: Message): Promise<void> {
    const { command } = message;
    if (command.CommandField === CANCEL_FIELD) return this.#performer.cancel(command.MessageIDBeingRespondedTo);
    if (!isResponse(command)) return this.#performer.perform(message);
    const bytes = await message.data?.collect().finally(() => message.data?.release());
    const pending = this.#pending.get(command.MessageIDBeingRespondedTo ?? 0);
    if (!pending) {
      this.#options.log.warn({ command }, 'response to nothing that was asked; ignored');
      return;
    }
    pending.responses.push({
      command,
      status: command.Status ?? 0,
      ...decoded(bytes, message.context.transferSyntax, this.#options.log),
    });
    pending.wake();
    if (pending.responses.length >= MAX_WAITING) await new Promise<void>((resolve) => (pending.room = resolve));
  }

  #gone(message: string): ScannerError {
    return new ScannerError('peer.aborted', { node: this.association.options.peerName, reason: message });
  }
}

function decoded(bytes: Buffer | undefined, syntax: string, log: Log): Pick<Response, 'dataset' | 'unreadable'> {
  try {
    return { dataset: bytes && decodeDataset(bytes, syntax, { onText: textNotes(log) }) };
  } catch (error) {
    return { dataset: undefined, unreadable: asScannerError(error) };
  }
}
