import type { Socket } from 'node:net';
import type { TimerHandle } from '../../../hal/base/clock.js';
import { asScannerError } from '../../../hal/base/errors.js';
import type { Descriptor, Framing } from '../../../native/net.js';
import { Loan } from './loan.js';
import {
  ABORT_REASON,
  type Abort,
  type AssociateAc,
  type AssociateRj,
  type AssociateRq,
  type DataPiece,
  encodePdu,
  type Pdu,
} from './pdu.js';
import { PduParser } from './pdu-parser.js';
import type { ProviderOptions } from './provider-options.js';
import { rejection } from './rejection.js';
import { type Effect, type Event, PDU_EVENT, type State, step } from './state-table.js';
import { handshakeProblem } from './tls.js';

interface Payload {
  pdu?: Pdu;
  piece?: DataPiece;
  bytes?: Buffer[];
  written?: () => void;
  reason?: number;
  message?: string;
}

/**
 * The upper layer protocol machine over one socket. It runs the state table and nothing else: who is accepted, what is sent
 * and how long to wait between messages is its user's business.
 */
export class UpperLayerProvider {
  readonly #options: ProviderOptions;
  readonly #socket: Socket;
  readonly #parser: PduParser;
  readonly #effects: Readonly<Record<Effect, (payload: Payload) => void>>;
  #state: State = 'Sta1';
  #artim: TimerHandle | undefined;
  #loan: Loan | undefined;
  #lastActivity: number;
  #socketError = '';

  constructor(options: ProviderOptions) {
    this.#options = options;
    this.#socket = options.socket;
    this.#lastActivity = options.clock.now();
    this.#parser = new PduParser({
      maxPduLength: options.maxPduLength,
      onPdu: (pdu) => this.#receive(pdu),
      onData: (piece) => this.#dispatch('Evt10', { piece }),
    });
    this.#effects = this.#makeEffects();
    this.#attach();
  }

  get state(): State {
    return this.#state;
  }

  /** When bytes last moved either way, by `clock`; a thread that has the connection watches over that itself. */
  get lastActivity(): number {
    return this.#loan && !this.#loan.resting ? this.#options.clock.now() : this.#lastActivity;
  }

  /**
   * Hands the connection to a thread, between messages. Until `takeBack` nothing is read or written here.
   * @param recall called, perhaps more than once, when something has to be written or the connection is to be closed
   * @returns undefined when it cannot be lent now, or never: TLS
   */
  lend(recall: () => void): Descriptor | undefined {
    if (this.#state !== 'Sta6' || this.#loan || !this.#parser.idle) return undefined;
    this.#loan = Loan.of(this.#socket, 'whole', recall);
    return this.#loan?.descriptor;
  }

  /** Hands the reading of the connection to a thread, within a dataset: as `lend`, but what is written goes out meanwhile. */
  lendReading(recall: () => void): { descriptor: Descriptor; framing: Framing } | undefined {
    const { framing } = this.#parser;
    if (this.#state !== 'Sta6' || this.#loan || !framing) return undefined;
    this.#loan = Loan.of(this.#socket, 'reading', recall);
    return this.#loan && { descriptor: this.#loan.descriptor, framing };
  }

  /** A thread that kept the connection goes on with the dataset under way. @returns where that stands; undefined without such a thread */
  goOn(): Framing | undefined {
    const { framing } = this.#parser;
    if (this.#state !== 'Sta6' || !this.#loan?.resting || !framing) return undefined;
    this.#loan.resting = false;
    return framing;
  }

  /** The thread is done with its dataset and keeps the connection to read on. */
  rest(framing: Framing, contextId: number): void {
    this.#parser.resume(framing, contextId);
    this.#touch();
    if (this.#loan) this.#loan.resting = true;
  }

  /** What a thread that keeps the connection has read. */
  heard(bytes: Buffer): void {
    if (!this.#socket.destroyed) this.#parse(bytes);
  }

  /** Asks a thread that has the connection for it. */
  recall(): void {
    this.#loan?.recall();
  }

  /** Ends a loan of the reading, going on where the thread stopped. */
  resumeReading(unread: Buffer, framing: Framing, contextId: number): void {
    this.#parser.resume(framing, contextId);
    this.takeBack(unread, true);
  }

  /**
   * Ends the loan.
   * @param unread what the thread read and did not use
   * @param atBoundary false when it stopped within a PDU: nothing that follows would be understood
   */
  takeBack(unread: Buffer, atBoundary: boolean): void {
    const loan = this.#loan;
    this.#loan = undefined;
    this.#touch();
    if (!loan || this.#socket.destroyed) return;
    if (!atBoundary) this.#socket.destroy();
    loan.settle();
    if (unread.length > 0) this.#parse(unread);
    if (!this.#socket.destroyed) loan.descriptor.startReading();
  }

  /** Requestor: the transport is being opened by the caller, who calls `connected` next. */
  start(): void {
    this.#dispatch(this.#options.role === 'requestor' ? 'Evt1' : 'Evt5', {});
  }

  /** The transport stands: sends the request. */
  connected(request: AssociateRq): void {
    this.#dispatch('Evt2', { pdu: request });
  }

  accept(answer: AssociateAc): void {
    this.#dispatch('Evt7', { pdu: answer });
  }

  reject(answer: AssociateRj): void {
    this.#dispatch('Evt8', { pdu: answer });
  }

  /** @returns false when the socket wants its `drain` waited for, undefined when data cannot be sent in this state */
  send(bytes: Buffer[], written?: () => void): boolean | undefined {
    if (!step(this.#state, 'Evt9')) return undefined;
    this.#dispatch('Evt9', { bytes, written });
    return !this.#socket.writableNeedDrain;
  }

  release(): void {
    if (step(this.#state, 'Evt11')) this.#dispatch('Evt11', {});
  }

  answerRelease(): void {
    if (step(this.#state, 'Evt14')) this.#dispatch('Evt14', {});
  }

  /** Aborts as the service user; harmless in any state. */
  abort(message: string): void {
    if (!step(this.#state, 'Evt15')) return;
    this.#dispatch('Evt15', {});
    this.#options.indications.aborted('self', { source: 0, reason: 0, message });
  }

  #attach(): void {
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => this.#parse(chunk));
    this.#socket.on('drain', () => this.#touch());
    this.#socket.on('error', (error) => {
      this.#socketError = `: ${handshakeProblem(error)}`; // under TLS 1.3 a refused certificate shows only here
    });
    this.#socket.on('close', () => {
      this.#loan?.recall();
      if (this.#state === 'Sta1') this.#artim?.cancel();
      this.#dispatch('Evt17', {});
      this.#options.indications.closed();
    });
  }

  #touch(): void {
    this.#lastActivity = this.#options.clock.now();
  }

  #parse(chunk: Buffer): void {
    if (this.#state === 'Sta1') return;
    this.#touch();
    try {
      this.#parser.push(chunk);
    } catch (error) {
      const { context, message } = asScannerError(error);
      const reason = context.unrecognized === true ? ABORT_REASON.unrecognizedPdu : ABORT_REASON.invalidParameter;
      this.#dispatch('Evt19', { reason, message: String(context.message ?? message) });
      this.#socket.removeAllListeners('data');
      this.#socket.resume(); // what follows a broken PDU has no meaning; it is read and dropped until the peer closes
    }
  }

  #receive(pdu: Pdu): void {
    this.#dispatch(PDU_EVENT[pdu.type], { pdu, message: `${pdu.type} in ${this.#state}` });
  }

  #dispatch(event: Event, payload: Payload): void {
    const plain =
      event === 'Evt6'
        ? payload.pdu?.type === 'associate-rq' && (payload.pdu.protocolVersion & 1) === 1
        : this.#options.role === 'requestor';
    const todo = step(this.#state, event, plain);
    if (!todo) return;
    if (event !== 'Evt10' && event !== 'Evt9') {
      this.#options.log.debug({ event, state: this.#state, action: todo.action, next: todo.next }, 'upper layer');
    }
    this.#state = todo.next;
    for (const effect of todo.do) this.#effects[effect](payload);
  }

  #makeEffects(): Record<Effect, (payload: Payload) => void> {
    const { indications } = this.#options;
    const send = (payload: Payload) => this.#write([encodePdu(payload.pdu!)]);
    return {
      connect: () => {},
      close: () => this.#close(),
      startArtim: () => this.#startArtim(),
      stopArtim: () => this.#artim?.cancel(),
      sendAssociateRq: send,
      sendAssociateAc: send,
      sendAssociateRj: send,
      sendProviderReject: () => this.#write([encodePdu(rejection('protocolVersion'))]),
      sendData: ({ bytes, written }) => this.#write(bytes!, written),
      sendReleaseRq: () => this.#write([encodePdu({ type: 'release-rq' })]),
      sendReleaseRp: () => this.#write([encodePdu({ type: 'release-rp' })]),
      sendUserAbort: () => this.#write([encodePdu({ type: 'abort', source: 0, reason: 0 })]),
      sendProviderAbort: ({ reason }) =>
        this.#write([encodePdu({ type: 'abort', source: 2, reason: reason ?? ABORT_REASON.unexpectedPdu })]),
      indicateAssociate: ({ pdu }) => indications.associate(pdu as AssociateRq),
      confirmAccepted: ({ pdu }) => indications.accepted(pdu as AssociateAc),
      confirmRejected: ({ pdu }) => indications.rejected(pdu as AssociateRj),
      indicateData: ({ piece }) => indications.data(piece!),
      indicateRelease: () => indications.released(),
      indicateCollision: () => {}, // the acceptor's side waits for the requestor's A-RELEASE-RP first
      confirmCollision: () => indications.released(),
      confirmRelease: () => indications.releaseConfirmed(),
      indicateAbort: ({ pdu }) => {
        const { source, reason } = pdu as Abort;
        indications.aborted('peer', { source, reason, message: `A-ABORT source ${source} reason ${reason}` });
      },
      indicateProviderAbort: ({ reason, message }) => {
        const why = reason ?? ABORT_REASON.unexpectedPdu;
        indications.aborted('provider', { source: 2, reason: why, message: message ?? 'unexpected PDU' });
      },
      indicateLost: () =>
        indications.aborted('lost', { source: 2, reason: 0, message: `the connection was closed${this.#socketError}` }),
    };
  }

  /** @param written called when the bytes are with the system and their memory is free again; not when the socket broke */
  #write(bytes: Buffer[], written?: () => void): void {
    if (this.#loan?.defer(() => this.#write(bytes, written))) return;
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#touch();
    const last = bytes.length - 1;
    if (last > 0) this.#socket.cork();
    for (const [i, part] of bytes.entries()) {
      if (i < last || !written) this.#socket.write(part);
      else this.#socket.write(part, (error) => !error && written());
    }
    if (last > 0) this.#socket.uncork();
  }

  /** Nothing that still waits to be sent matters when the transport is closed, except an answer written a moment ago. */
  #close(): void {
    if (this.#loan?.defer(() => this.#close())) return;
    if (this.#socket.writableLength === 0) this.#socket.destroy();
    else {
      this.#socket.end(() => this.#socket.destroy());
      this.#startArtim();
    }
  }

  #startArtim(): void {
    this.#artim?.cancel();
    const { artimMs, closingMs, clock } = this.#options;
    this.#artim = clock.after(this.#state === 'Sta2' ? artimMs : closingMs, () => {
      if (this.#state === 'Sta1') this.#socket.destroy();
      else this.#dispatch('Evt18', {});
    });
  }
}
