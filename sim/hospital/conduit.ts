import type { Socket } from 'node:net';
import { type Clock, sleep } from '../../hal/base/clock.js';
import { decodeAssociateAc, decodeAssociateRq } from '../../runtime/dicom/upper-layer/associate-decode.js';
import { type AssociateRq, encodePdu, PDU_TYPE } from '../../runtime/dicom/upper-layer/pdu.js';
import { find, garbage, strikesAt } from './actions.js';
import { Conversation, type Line } from './conversation.js';
import { bendAnswer, bendRequest } from './negotiation.js';
import { PduSplitter, type WholePdu } from './pdu-splitter.js';
import type { Rulebook } from './rulebook.js';
import { type Action, type ActionOf, type Moment, REJECTIONS, type Strike } from './script.js';
import type { Statistics } from './statistics.js';

export interface ConduitOptions {
  /** The modality's side. */
  peer: Socket;
  /** The side of the server behind. */
  server: Socket;
  rules: Rulebook;
  statistics: Statistics;
  clock: Clock;
}

const HEADER_BYTES = 6;
/** Bytes of the server's that may wait for a delayed or slow peer. */
const HIGH_WATER = 1024 * 1024;
/** How long a peer may take to close after we ended the association: wall ms. */
const CLOSING_MS = 2000;
/** For a peer that sets no limit. */
const LARGEST_PDU = 256 * 1024;

/** One connection through the front: what the peer and the server say to each other, bent by the rules. */
export class Conduit implements Line {
  readonly #options: ConduitOptions;
  readonly #ended = new AbortController();
  #association: readonly Action[] = [];
  #conversation: Conversation | undefined;
  #request: AssociateRq | undefined;
  #accepted: Buffer | undefined;
  /** What the server says goes out in its order, each when the one before is out. */
  #outgoing: Promise<void> = Promise.resolve();
  #waiting = 0;
  #bytesPerSecond = Number.POSITIVE_INFINITY;
  #resting = false;

  constructor(options: ConduitOptions) {
    this.#options = options;
    const { peer, server } = options;
    const up = new PduSplitter({ onPdu: (pdu) => this.#fromPeer(pdu), onOther: (bytes) => this.toServer(bytes) });
    const down = new PduSplitter({
      onPdu: (pdu) => this.#queue(pdu.bytes.length, () => this.#fromServer(pdu)),
      onOther: (bytes) => this.#queue(bytes.length, () => this.toPeer(bytes)),
    });
    peer.on('data', (chunk: Buffer) => this.#read(chunk, up));
    server.on('data', (chunk: Buffer) => down.push(chunk));
    server.on('drain', () => this.#readOn());
    peer.on('error', () => {}); // 'close' follows, and is what counts
    server.on('error', () => {});
    peer.on('close', () => {
      this.#ended.abort();
      server.destroySoon();
    });
    server.on('close', () => {
      void this.#outgoing.then(() => !this.signal.aborted && peer.destroySoon());
    });
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  async toPeer(bytes: Buffer): Promise<void> {
    const { peer, statistics } = this.#options;
    if (this.signal.aborted || peer.destroyed || peer.writableEnded) return;
    statistics.sent(bytes.length);
    if (peer.write(bytes)) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        peer.removeListener('drain', wake);
        this.signal.removeEventListener('abort', wake);
        resolve();
      };
      peer.once('drain', wake);
      this.signal.addEventListener('abort', wake);
    });
  }

  toServer(bytes: Buffer): void {
    const { server } = this.#options;
    if (!server.destroyed && !server.writableEnded) server.write(bytes);
  }

  async strike(strike: Strike): Promise<boolean> {
    const { peer, rules } = this.#options;
    switch (strike.action) {
      case 'accept-again':
        if (this.#accepted) await this.toPeer(this.#accepted);
        return false;
      case 'garbage':
        await this.toPeer(garbage(strike.bytes, () => rules.draw()));
        return false;
      case 'close':
        this.#ended.abort();
        if (strike.reset) peer.resetAndDestroy();
        else peer.destroy();
        return true;
      case 'abort':
        await this.toPeer(
          encodePdu({ type: 'abort', source: strike.source === 'user' ? 0 : 2, reason: strike.reason }),
        );
        this.#end();
        return true;
      case 'release':
        await this.toPeer(encodePdu({ type: 'release-rq' }));
        this.#end();
        return true;
    }
  }

  /** Ends everything now. */
  destroy(): void {
    this.#ended.abort();
    this.#options.peer.destroy();
    this.#options.server.destroy();
  }

  /** Nothing more is said; the peer is left to close, for a while. */
  #end(): void {
    const { peer, server, clock } = this.#options;
    this.#ended.abort();
    server.destroy();
    const patience = clock.wall.after(CLOSING_MS, () => peer.destroy());
    peer.once('close', () => patience.cancel());
  }

  #read(chunk: Buffer, splitter: PduSplitter): void {
    const { clock, peer, server, statistics } = this.#options;
    statistics.received(chunk.length);
    if (this.signal.aborted) return; // read and dropped until the peer closes
    splitter.push(chunk);
    if (server.writableNeedDrain) peer.pause();
    if (!Number.isFinite(this.#bytesPerSecond)) return;
    this.#resting = true;
    peer.pause();
    void sleep(clock.wall, (chunk.length / this.#bytesPerSecond) * 1000, this.signal)
      .catch(() => undefined)
      .then(() => {
        this.#resting = false;
        this.#readOn();
      });
  }

  #readOn(): void {
    const { peer, server } = this.#options;
    if (!this.#resting && !server.writableNeedDrain) peer.resume();
  }

  #queue(size: number, work: () => Promise<void>): void {
    const { server } = this.#options;
    this.#waiting += size;
    if (this.#waiting > HIGH_WATER) server.pause();
    this.#outgoing = this.#outgoing.then(async () => {
      if (!this.signal.aborted) await work();
      this.#waiting -= size;
      if (this.#waiting <= HIGH_WATER) server.resume();
    });
  }

  #fromPeer(pdu: WholePdu): void {
    if (pdu.type === PDU_TYPE.data && this.#conversation) this.#conversation.fromPeer(pdu.bytes);
    else if (pdu.type === PDU_TYPE['associate-rq'] && !this.#request) this.#associates(pdu.bytes);
    else if (pdu.type === PDU_TYPE['release-rq']) void this.#releases(pdu.bytes);
    else this.toServer(pdu.bytes);
  }

  #associates(bytes: Buffer): void {
    const { rules, statistics } = this.#options;
    const request = decoded(() => decodeAssociateRq(bytes.subarray(HEADER_BYTES)));
    if (!request) {
      this.toServer(bytes); // the server behind says what is wrong with it
      return;
    }
    this.#request = request;
    const { callingAe, calledAe, contexts } = request;
    const sopClasses = contexts.map(({ abstractSyntax }) => abstractSyntax);
    this.#association = rules.forAssociation({ callingAe, calledAe, sopClasses });
    statistics.count('requested');
    for (const { action } of this.#association) statistics.misbehaved(action);
    this.#bytesPerSecond = find(this.#association, 'slow')?.bytesPerSecond ?? Number.POSITIVE_INFINITY;
    const rejection = find(this.#association, 'reject');
    if (rejection) void this.#reject(rejection);
    else this.toServer(bendRequest(bytes, request, this.#association));
  }

  async #reject({ reason }: ActionOf<'reject'>): Promise<void> {
    const [result, source, code] = REJECTIONS[reason];
    this.#options.statistics.count('rejected');
    await this.toPeer(encodePdu({ type: 'associate-rj', result, source, reason: code }));
    this.#end();
  }

  async #releases(bytes: Buffer): Promise<void> {
    if (await this.#struckAt('release')) return;
    if (await this.#held('release')) this.toServer(bytes);
  }

  async #fromServer(pdu: WholePdu): Promise<void> {
    if (pdu.type === PDU_TYPE.data && this.#conversation) return this.#conversation.fromServer(pdu.bytes);
    if (pdu.type === PDU_TYPE['associate-ac'] && this.#request) return this.#accepts(pdu.bytes, this.#request);
    if (pdu.type === PDU_TYPE['associate-rj']) this.#options.statistics.count('rejected');
    await this.toPeer(pdu.bytes);
  }

  async #accepts(bytes: Buffer, request: AssociateRq): Promise<void> {
    const { statistics } = this.#options;
    const { callingAe, calledAe } = request;
    if (!(await this.#held('associate')) || (await this.#struckAt('associate'))) return;
    const answer = decodeAssociateAc(bytes.subarray(HEADER_BYTES));
    const bent = bendAnswer(answer, request, this.#association);
    this.#accepted = bent === answer ? bytes : encodePdu(bent);
    this.#conversation = new Conversation({
      ...this.#options,
      line: this,
      callingAe,
      calledAe,
      classes: new Map(request.contexts.map(({ id, abstractSyntax }) => [id, abstractSyntax])),
      sendLimit: Math.min(request.user.maxPduLength || LARGEST_PDU, LARGEST_PDU),
    });
    statistics.count('accepted');
    await this.toPeer(this.#accepted);
    await this.#struckAt('accepted');
  }

  /** Waits as the rules have it. @returns false when there is to be no answer */
  async #held(at: 'associate' | 'release'): Promise<boolean> {
    const { clock, rules } = this.#options;
    for (const action of this.#association) {
      if (action.action === 'silence' && action.at === at) return false;
      if (action.action !== 'delay' || action.at !== at) continue;
      await sleep(clock.wall, action.ms + action.jitterMs * rules.draw(), this.signal).catch(() => undefined);
    }
    return !this.signal.aborted;
  }

  /** @returns true when what was to be said at this moment is not said any more */
  async #struckAt(moment: Moment): Promise<boolean> {
    let struck = false;
    for (const strike of strikesAt(this.#association, moment)) {
      struck = (await this.strike(strike)) || strike.action === 'garbage' || struck;
    }
    return struck;
  }
}

function decoded<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
