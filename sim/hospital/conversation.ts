import { type Clock, sleep } from '../../hal/base/clock.js';
import {
  CANCEL_FIELD,
  type Command,
  commandName,
  decodeCommand,
  hasDataset,
  isResponse,
  MAX_COMMAND_BYTES,
  RESPONSE_BIT,
} from '../../runtime/dicom/dimse/command.js';
import { hexStatus, STATUS } from '../../runtime/dicom/dimse/status.js';
import { strikesAt } from './actions.js';
import { bend, encodeMessage, isPending, type Message } from './bending.js';
import { Exchange } from './exchange.js';
import { dataPdu, type Pdv, pdvsOf } from './pdu-splitter.js';
import type { Rulebook } from './rulebook.js';
import type { ActionOf, Strike } from './script.js';
import { serviceOfClass } from './service-names.js';
import type { Statistics } from './statistics.js';

/** The wire between a peer and the server behind the front. */
export interface Line {
  /** Aborted when the peer is gone or the conversation was ended. */
  readonly signal: AbortSignal;
  toPeer(bytes: Buffer): Promise<void>;
  toServer(bytes: Buffer): void;
  /** @returns true when the conversation is over with it */
  strike(strike: Strike): Promise<boolean>;
}

export interface ConversationOptions {
  line: Line;
  rules: Rulebook;
  statistics: Statistics;
  clock: Clock;
  callingAe: string;
  calledAe: string;
  /** Abstract syntax by presentation context ID, as proposed. */
  classes: ReadonlyMap<number, string>;
  /** Longest PDU that the peer takes. */
  sendLimit: number;
}

/** A response whose dataset is on its way. */
interface Collected extends Message {
  exchange: Exchange;
  data: Pdv[];
}

/** The DIMSE messages of one association as they pass, bent by the rules. Without a rule every byte passes as it came. */
export class Conversation {
  readonly #options: ConversationOptions;
  /** By message ID, until the server's final response. */
  readonly #exchanges = new Map<number, Exchange>();
  /** Those whose pending response is sent again and again. */
  readonly #repeating = new Map<number, Exchange>();
  /** Fragments of the peer's command that is on its way. */
  #asked: Pdv[] = [];
  /** The request whose dataset is on its way, when rules concern it. */
  #current: Exchange | undefined;
  #struckInData = false;
  #swallow = false;
  #said: Pdv[] = [];
  #collecting: Collected | undefined;

  constructor(options: ConversationOptions) {
    this.#options = options;
  }

  /** A P-DATA-TF of the peer's. */
  fromPeer(bytes: Buffer): void {
    const { line } = this.#options;
    const pdvs = pdvsOf(bytes);
    if (!pdvs) {
      line.toServer(bytes); // the server behind says what is wrong with it
      return;
    }
    const held = this.#asked.length > 0;
    const kept = pdvs.flatMap((pdv) => (pdv.command ? this.#askedMore(pdv) : this.#dataOfPeer(pdv)));
    if (!held && kept.length === pdvs.length) line.toServer(bytes);
    else for (const pdv of kept) line.toServer(dataPdu([pdv]));
  }

  /** A P-DATA-TF of the server's. */
  async fromServer(bytes: Buffer): Promise<void> {
    const { line } = this.#options;
    const pdvs = pdvsOf(bytes) ?? [];
    if (!this.#collecting && pdvs.every(({ command }) => !command)) return line.toPeer(bytes);
    for (const pdv of pdvs) {
      if (pdv.command) await this.#saidMore(pdv);
      else if (this.#collecting) await this.#collect(this.#collecting, pdv);
      else await line.toPeer(dataPdu([pdv]));
    }
  }

  #askedMore(pdv: Pdv): Pdv[] {
    this.#asked.push(pdv);
    const size = this.#asked.reduce((sum, { data }) => sum + data.length, 0);
    if (!pdv.last && size <= MAX_COMMAND_BYTES) return [];
    const all = this.#asked;
    this.#asked = [];
    const command = decoded(all);
    if (!command || isResponse(command)) return all;
    if (command.CommandField === CANCEL_FIELD) return this.#cancelled(command) ? [] : all;
    return this.#requested(command, pdv.contextId) ? all : [];
  }

  /** @returns true when the server is to see the request */
  #requested(command: Command, contextId: number): boolean {
    const { rules, statistics, classes, callingAe, calledAe, line } = this.#options;
    const sopClass = classes.get(contextId) ?? '';
    const service = serviceOfClass(sopClass);
    const actions = rules.forRequest({ callingAe, calledAe, sopClass, service, command: commandName(command) ?? '' });
    statistics.requested(service);
    for (const { action } of actions) statistics.misbehaved(action);
    const exchange = new Exchange({ service, request: command, contextId, actions });
    this.#exchanges.set(command.MessageID ?? 0, exchange);
    this.#current = hasDataset(command) ? exchange : undefined;
    this.#struckInData = false;
    const strikes = strikesAt(actions, 'request');
    for (const strike of strikes) void line.strike(strike);
    this.#swallow = exchange.refusal !== undefined || strikes.some(isEnd);
    if (exchange.refusal && !this.#current) void this.#refuse(exchange);
    const swallowed = this.#swallow;
    if (!this.#current) this.#swallow = false;
    return !swallowed;
  }

  #dataOfPeer(pdv: Pdv): Pdv[] {
    const exchange = this.#current;
    const swallowed = this.#swallow;
    if (exchange && !this.#struckInData) {
      this.#struckInData = true;
      for (const strike of strikesAt(exchange.actions, 'data')) void this.#options.line.strike(strike);
    }
    if (pdv.last) {
      this.#current = undefined;
      this.#swallow = false;
      if (exchange?.refusal) void this.#refuse(exchange);
    }
    return swallowed ? [] : [pdv];
  }

  #refuse(exchange: Exchange): Promise<void> {
    const { MessageID, AffectedSOPClassUID, AffectedSOPInstanceUID, CommandField } = exchange.request;
    const command: Command = {
      CommandField: CommandField | RESPONSE_BIT,
      MessageIDBeingRespondedTo: MessageID,
      AffectedSOPClassUID: AffectedSOPClassUID ?? exchange.request.RequestedSOPClassUID,
      AffectedSOPInstanceUID: AffectedSOPInstanceUID ?? exchange.request.RequestedSOPInstanceUID,
      Status: STATUS.processingFailure,
    };
    this.#exchanges.delete(MessageID ?? 0);
    return this.#answer(exchange, { command, contextId: exchange.contextId, data: [] });
  }

  async #saidMore(pdv: Pdv): Promise<void> {
    const { line } = this.#options;
    this.#said.push(pdv);
    if (!pdv.last) return;
    const all = this.#said;
    this.#said = [];
    const command = decoded(all);
    const id = command?.MessageIDBeingRespondedTo ?? 0;
    const exchange = command && isResponse(command) && this.#exchanges.get(id);
    if (exchange && !isPending(command)) this.#exchanges.delete(id);
    if (command && exchange && exchange.actions.length > 0) {
      const { contextId } = pdv;
      if (!hasDataset(command)) return this.#answer(exchange, { command, contextId, data: [] });
      this.#collecting = { exchange, command, contextId, data: [] };
      return;
    }
    if (command && exchange) this.#counted(exchange, command);
    for (const part of all) await line.toPeer(dataPdu([part]));
  }

  async #collect(message: Collected, pdv: Pdv): Promise<void> {
    message.data.push(pdv);
    if (!pdv.last) return;
    this.#collecting = undefined;
    await this.#answer(message.exchange, message);
  }

  /** One response of an exchange that rules concern. */
  async #answer(exchange: Exchange, message: Message): Promise<void> {
    const { line, sendLimit } = this.#options;
    if (exchange.settled || line.signal.aborted) return;
    await this.#delay(exchange);
    if (exchange.find('silence') || line.signal.aborted) return;
    const pendingForever = exchange.find('pending');
    if (pendingForever) {
      exchange.settled = true;
      void this.#repeat(exchange, message, pendingForever);
      return;
    }
    const bent = bend(exchange, message);
    const pending = isPending(bent.command);
    const due = (strike: Strike) => exchange.isDue(strike, pending);
    for (const strike of strikesAt(exchange.actions, 'answer').filter(due)) {
      exchange.settled = strike.action !== 'accept-again';
      await line.strike(strike);
    }
    if (exchange.settled) return;
    const bytes = encodeMessage(exchange, bent, sendLimit);
    const [within] = strikesAt(exchange.actions, 'mid-pdu').filter(due);
    if (within) {
      exchange.settled = true;
      await line.toPeer(bytes.subarray(0, bytes.length >> 1));
      await line.strike(within);
      return;
    }
    const times = pending ? 1 : (exchange.find('duplicate')?.times ?? 1);
    for (let i = 0; i < times; i++) await line.toPeer(bytes);
    if (pending) exchange.pendingSent++;
    else await this.#ended(exchange, bent.command);
  }

  async #ended(exchange: Exchange, command: Command): Promise<void> {
    exchange.settled = true;
    this.#counted(exchange, command);
    for (const strike of strikesAt(exchange.actions, 'after-answer')) await this.#options.line.strike(strike);
  }

  #counted(exchange: Exchange, command: Command): void {
    if (!isPending(command)) this.#options.statistics.responded(exchange.service, hexStatus(command.Status ?? 0));
  }

  async #delay(exchange: Exchange): Promise<void> {
    const { clock, rules, line } = this.#options;
    const delay = exchange.find('delay');
    if (!delay || exchange.delayed) return;
    exchange.delayed = true;
    await sleep(clock.wall, delay.ms + delay.jitterMs * rules.draw(), line.signal).catch(() => undefined);
  }

  /** The same pending response again and again, until the peer cancels or goes. */
  async #repeat(exchange: Exchange, message: Message, { everyMs }: ActionOf<'pending'>): Promise<void> {
    const { line, clock, sendLimit } = this.#options;
    const stop = AbortSignal.any([line.signal, exchange.cancelled.signal]);
    const bytes = encodeMessage(
      exchange,
      { ...message, command: { ...message.command, Status: STATUS.pending } },
      sendLimit,
    );
    const id = exchange.request.MessageID ?? 0;
    this.#repeating.set(id, exchange);
    while (!stop.aborted) {
      await line.toPeer(bytes);
      await sleep(clock.wall, everyMs, stop).catch(() => undefined);
    }
    this.#repeating.delete(id);
    if (line.signal.aborted) return;
    const command = { ...message.command, Status: STATUS.cancel };
    await line.toPeer(encodeMessage(exchange, { ...message, command, data: [] }, sendLimit));
    await this.#ended(exchange, command);
  }

  /** @returns true when the cancel is for a request that the server has done with */
  #cancelled(command: Command): boolean {
    const id = command.MessageIDBeingRespondedTo ?? 0;
    const exchange = this.#repeating.get(id) ?? this.#exchanges.get(id);
    const pending = exchange?.find('pending');
    if (!exchange || !pending) return false;
    if (!pending.ignoreCancel) exchange.cancelled.abort();
    return true;
  }
}

function decoded(pdvs: readonly Pdv[]): Command | undefined {
  try {
    return decodeCommand(Buffer.concat(pdvs.map(({ data }) => data)));
  } catch {
    return undefined; // the server behind says what is wrong with it
  }
}

function isEnd({ action }: Strike): boolean {
  return action === 'abort' || action === 'close' || action === 'release';
}
