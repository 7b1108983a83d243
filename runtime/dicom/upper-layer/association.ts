import type { Clock, TimerHandle } from '../../../hal/base/clock.js';
import { ScannerError } from '../../../hal/base/errors.js';
import { type Descriptor, descriptorOf, type Received, type ReceiveJob } from '../../../native/net.js';
import type { AcceptedContext, AssociationInfo, AssociationOptions, LentReading } from './association-options.js';
import type { DataPiece } from './pdu.js';
import { UpperLayerProvider } from './provider.js';
import { Reception } from './reception.js';

/** Bytes that may wait for their reader before the socket is paused. */
const HIGH_WATER = 256 * 1024;
/** Longest PDU we send to a peer that sets no limit. */
const LARGEST_PDU = 256 * 1024;

export type { AcceptedContext, AssociationInfo, AssociationOptions } from './association-options.js';

/**
 * One association over one socket: what was negotiated, and an ordered stream of PDV pieces each way with back-pressure.
 * Every await ends: with what it waited for, or with a ScannerError (peer.aborted, peer.timeout, protocol.pdu) kept in `failure`.
 */
export class Association {
  readonly closed: Promise<void>;
  readonly contexts = new Map<number, AcceptedContext>();
  readonly options: AssociationOptions;
  readonly #provider: UpperLayerProvider;
  readonly #reception: Reception;
  readonly #clock: Clock;
  #queue: DataPiece[] = [];
  #queuedBytes = 0;
  #paused = false;
  #ended = false;
  #closed = false;
  #failure: ScannerError | undefined;
  #reader: { resolve(piece: DataPiece | undefined): void; reject(error: ScannerError): void } | undefined;
  readonly #waiters = new Set<() => void>();
  readonly #enders: (() => void)[] = [];
  #info: AssociationInfo | undefined;
  #sendLimit = LARGEST_PDU;

  constructor(options: AssociationOptions) {
    this.options = options;
    this.#clock = options.clock.wall;
    let markClosed = () => {};
    this.closed = new Promise((resolve) => (markClosed = resolve));
    this.#provider = new UpperLayerProvider({
      socket: options.socket,
      role: options.role,
      clock: this.#clock,
      log: options.log,
      artimMs: options.timeouts.artimMs,
      closingMs: options.timeouts.closingMs,
      maxPduLength: options.maxPduLength,
      indications: {
        associate: (request) => options.onAssociate?.(request),
        accepted: (answer) => options.onAnswer?.(answer),
        rejected: (answer) => options.onAnswer?.(answer),
        data: (piece) => this.#enqueue(piece),
        released: () => this.#finish(undefined, true),
        releaseConfirmed: () => this.#finish(undefined),
        aborted: (by, { message }) => this.#finish(this.#abortError(by, message)),
        closed: () => {
          this.#finish(undefined);
          this.#closed = true;
          options.budget?.give(this.#queuedBytes);
          markClosed();
        },
      },
    });
    this.#reception = new Reception(this.#provider);
  }

  get provider(): UpperLayerProvider {
    return this.#provider;
  }

  get info(): AssociationInfo {
    if (!this.#info) throw new ScannerError('bug.contract', { message: 'the association is not negotiated yet' });
    return this.#info;
  }

  /** Why the association ended, unless by release. */
  get failure(): ScannerError | undefined {
    return this.#failure;
  }

  /** True once no more messages can pass. */
  get over(): boolean {
    return this.#ended;
  }

  /** Longest P-DATA-TF that the peer takes, bytes. */
  get sendLimit(): number {
    return this.#sendLimit;
  }

  /** Called once by whoever negotiated. */
  establish(info: AssociationInfo, contexts: readonly AcceptedContext[], peerMaxPdu: number): void {
    this.#info = info;
    for (const context of contexts) this.contexts.set(context.id, context);
    this.#sendLimit = peerMaxPdu === 0 ? LARGEST_PDU : Math.max(64, Math.min(peerMaxPdu, LARGEST_PDU));
  }

  /** An accepted context for an abstract syntax, and a transfer syntax when given. */
  contextFor(abstractSyntax: string, transferSyntax?: string): AcceptedContext | undefined {
    for (const context of this.contexts.values()) {
      if (context.abstractSyntax !== abstractSyntax) continue;
      if (transferSyntax === undefined || context.transferSyntax === transferSyntax) return context;
    }
    return undefined;
  }

  /**
   * The next piece, or undefined once the association is released.
   * @param silenceMs aborts when nothing moves for so long; Infinity waits for ever
   * @throws ScannerError peer.aborted, peer.timeout
   */
  async read(silenceMs: number): Promise<DataPiece | undefined> {
    const piece = this.#queue.shift();
    if (piece) return this.#taken(piece);
    if (this.#failure) throw this.#failure;
    if (this.#ended) return undefined;
    this.#reception.readHere();
    const watch = this.#watch(silenceMs, 'data');
    try {
      return await new Promise((resolve, reject) => (this.#reader = { resolve, reject }));
    } finally {
      watch?.cancel();
    }
  }

  /**
   * Sends ready-made PDUs; resolves when the socket takes more.
   * @param written called when the bytes' memory may be used again
   * @throws ScannerError peer.aborted when the association is over, peer.timeout when the peer stops reading
   */
  async write(bytes: Buffer[], written?: () => void): Promise<void> {
    const room = this.#provider.send(bytes, written);
    if (room === undefined) throw this.#failure ?? this.#abortError('lost', 'the association is released');
    if (room) return;
    const watch = this.#watch(this.options.timeouts.networkMs, 'data to be read');
    try {
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiters.delete(wake);
          this.options.socket.removeListener('drain', wake);
          resolve();
        };
        this.#waiters.add(wake);
        this.options.socket.once('drain', wake);
      });
    } finally {
      watch?.cancel();
    }
    if (this.#failure) throw this.#failure;
  }

  /** The connection can be lent to a thread, now or later. */
  get lendable(): boolean {
    return descriptorOf(this.options.socket) !== undefined;
  }

  /** Hands the connection to a thread: see UpperLayerProvider.lend. Ends with `provider.takeBack`. */
  lend(recall: () => void): Descriptor | undefined {
    if (this.#ended || this.#paused || this.#queue.length > 0) return undefined;
    return this.#provider.lend(recall);
  }

  /**
   * Lets a thread put the rest of a dataset into a file. It may keep the connection then, and has the next large dataset at hand.
   * @returns undefined when it cannot be lent, and nothing has happened; never rejects
   */
  receiveFile(contextId: number, jobFor: (lent: LentReading) => ReceiveJob): Promise<Received> | undefined {
    const pieces = this.#queue;
    const fits = pieces.every((piece) => piece.contextId === contextId && !piece.command && !piece.last);
    if (this.#ended || !fits) return undefined;
    return this.#reception.start(contextId, (framing) => {
      this.#queue = [];
      if (!this.#closed) this.options.budget?.give(this.#queuedBytes);
      this.#queuedBytes = 0;
      this.#paused = false;
      return jobFor({ framing, pieces: pieces.map(({ data }) => data) });
    });
  }

  /** Releases in good order and waits for the answer; an abort instead of it is not an error any more. */
  async release(): Promise<void> {
    if (this.#ended) return;
    this.#provider.release();
    const watch = this.#clock.after(this.options.timeouts.releaseMs, () => this.abort('no answer to A-RELEASE-RQ'));
    if (!this.#ended) await new Promise<void>((resolve) => this.#enders.push(resolve));
    watch.cancel();
  }

  abort(message: string): void {
    this.#provider.abort(message);
  }

  /** Ends everything now with an error of the caller's, telling the peer. */
  fail(error: ScannerError): void {
    if (this.#ended) return;
    this.#failure ??= error;
    this.#provider.abort(error.message);
    this.#finish(error);
  }

  #enqueue(piece: DataPiece): void {
    const reader = this.#reader;
    if (reader) {
      this.#reader = undefined;
      reader.resolve(piece);
      return;
    }
    this.#queue.push(piece);
    this.#queuedBytes += piece.data.length;
    this.options.budget?.take(piece.data.length);
    const much = this.#queuedBytes >= HIGH_WATER || this.#queue.length >= 1024 || this.options.budget?.full;
    if (this.#paused || !much) return;
    this.#setPaused(true);
  }

  #taken(piece: DataPiece): DataPiece {
    this.#queuedBytes -= piece.data.length;
    if (!this.#closed) this.options.budget?.give(piece.data.length);
    if (this.#paused && this.#queue.length === 0) {
      this.#setPaused(false);
    }
    return piece;
  }

  /** Where there is a descriptor its reading stops at once, so that none of the bytes wait in the stream and it can be lent. */
  #setPaused(paused: boolean): void {
    this.#paused = paused;
    const { socket } = this.options;
    const descriptor = descriptorOf(socket);
    if (paused) descriptor ? descriptor.stopReading() : socket.pause();
    else descriptor ? descriptor.startReading() : socket.resume();
  }

  #finish(error: ScannerError | undefined, answer = false): void {
    if (!this.#ended) {
      this.#ended = true;
      this.#failure ??= error;
      const reader = this.#reader;
      this.#reader = undefined;
      if (this.#failure) reader?.reject(this.#failure);
      else reader?.resolve(undefined);
      if (this.#paused) this.#setPaused(false);
      this.#provider.recall();
      for (const wake of [...this.#waiters, ...this.#enders]) wake();
      this.options.onEnd?.(this.#failure);
    }
    if (answer) this.#provider.answerRelease();
  }

  /** Fails the association when no byte has moved for `ms`; a slow transfer that moves is left alone. */
  #watch(ms: number, what: string): TimerHandle | undefined {
    if (!Number.isFinite(ms)) return undefined;
    const since = this.#clock.now();
    let timer: TimerHandle;
    const check = () => {
      const silent = this.#clock.now() - Math.max(since, this.#provider.lastActivity);
      if (silent >= ms - 1) this.fail(new ScannerError('peer.timeout', { node: this.options.peerName, what, ms }));
      else timer = this.#clock.after(ms - silent, check);
    };
    timer = this.#clock.after(ms, check);
    return { cancel: () => timer.cancel() };
  }

  #abortError(by: 'peer' | 'provider' | 'lost' | 'self', reason: string): ScannerError {
    if (by === 'provider') return new ScannerError('protocol.pdu', { peer: this.options.peerName, message: reason });
    return new ScannerError('peer.aborted', { node: by === 'self' ? 'petrig' : this.options.peerName, reason });
  }
}
