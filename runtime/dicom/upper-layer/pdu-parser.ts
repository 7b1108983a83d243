import { ScannerError } from '../../../hal/base/errors.js';
import type { Framing } from '../../../native/net.js';
import { decodeAssociateAc, decodeAssociateRq } from './associate-decode.js';
import { type DataPiece, PDU_TYPE, type Pdu } from './pdu.js';

/** Largest association PDU: 128 contexts with a dozen syntaxes each stay below it. */
const MAX_ASSOCIATE_BYTES = 256 * 1024;

interface ParserOptions {
  /** Longest P-DATA-TF taken, bytes: what we announced. */
  maxPduLength: number;
  onPdu(pdu: Pdu): void;
  onData(piece: DataPiece): void;
}

type Stage = 'header' | 'body' | 'pdv-header' | 'pdv';

/**
 * Turns a byte stream into PDUs, whatever way it is cut. P-DATA-TF is not gathered: each PDV is handed on in the pieces it comes in.
 * Holds at most one association PDU. After a throw it must not be fed again.
 */
export class PduParser {
  readonly #options: ParserOptions;
  #stage: Stage = 'header';
  #need = 6;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #type = 0;
  #bodyLeft = 0;
  #pdvLeft = 0;
  #piece = { contextId: 0, command: false, last: false };

  constructor(options: ParserOptions) {
    this.#options = options;
  }

  /** True between PDUs. */
  get idle(): boolean {
    return this.#stage === 'header' && this.#heldBytes === 0;
  }

  /** Where a dataset under way stands; undefined where there is none, within a header, or where the PDU cannot be right. */
  get framing(): Framing | undefined {
    const trailing = this.#bodyLeft > 0 && this.#bodyLeft < 6;
    if (this.#stage === 'pdv') {
      return trailing ? undefined : { pdvLeft: this.#pdvLeft, last: this.#piece.last, bodyLeft: this.#bodyLeft };
    }
    if (this.#stage === 'body' || this.#heldBytes > 0) return undefined;
    return { pdvLeft: 0, last: false, bodyLeft: this.#stage === 'header' ? 0 : this.#bodyLeft };
  }

  /** Goes on where another parser stopped. @param contextId whose dataset is under way */
  resume({ pdvLeft, last, bodyLeft }: Framing, contextId: number): void {
    this.#bodyLeft = bodyLeft;
    this.#pdvLeft = pdvLeft;
    this.#piece = { contextId, command: false, last };
    if (pdvLeft > 0) this.#stage = 'pdv';
    else this.#expect(bodyLeft > 0 ? 'pdv-header' : 'header', 6);
  }

  /** @throws ScannerError protocol.pdu, its context saying whether the PDU type is known (`unrecognized`) */
  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (this.#stage === 'pdv') offset += this.#takePiece(chunk, offset);
      else offset += this.#gather(chunk, offset);
    }
  }

  /** Collects `#need` bytes, then acts on them. @returns bytes taken */
  #gather(chunk: Buffer, offset: number): number {
    const taken = Math.min(this.#need - this.#heldBytes, chunk.length - offset);
    const part = chunk.subarray(offset, offset + taken);
    this.#heldBytes += taken;
    if (this.#heldBytes < this.#need) {
      this.#held.push(Buffer.from(part)); // copied: the chunk's memory must not be kept alive by a slow peer
      return taken;
    }
    const whole = this.#held.length === 0 ? part : Buffer.concat([...this.#held, part]);
    this.#held = [];
    this.#heldBytes = 0;
    if (this.#stage === 'header') this.#startPdu(whole);
    else if (this.#stage === 'body') this.#endPdu(whole);
    else this.#startPdv(whole);
    return taken;
  }

  #startPdu(header: Buffer): void {
    this.#type = header[0]!;
    const length = header.readUInt32BE(2);
    if (this.#type === PDU_TYPE.data) {
      if (length < 6 || length > this.#options.maxPduLength) {
        throw bad(`P-DATA-TF of ${length} bytes, limit ${this.#options.maxPduLength}`);
      }
      this.#bodyLeft = length;
      this.#expect('pdv-header', 6);
      return;
    }
    if (this.#type < 1 || this.#type > 7) throw bad(`PDU type ${this.#type}`, true);
    const associate = this.#type <= 2;
    if (associate ? length > MAX_ASSOCIATE_BYTES || length < 68 : length !== 4) {
      throw bad(`PDU type ${this.#type} of ${length} bytes`);
    }
    this.#expect('body', length);
  }

  #endPdu(body: Buffer): void {
    this.#expect('header', 6);
    this.#options.onPdu(decodeBody(this.#type, body));
  }

  #startPdv(header: Buffer): void {
    const length = header.readUInt32BE(0);
    if (length < 2 || length + 4 > this.#bodyLeft) throw bad(`PDV of ${length} bytes in ${this.#bodyLeft}`);
    this.#bodyLeft -= length + 4;
    const flags = header[5]!;
    this.#piece = { contextId: header[4]!, command: (flags & 1) === 1, last: (flags & 2) === 2 };
    this.#pdvLeft = length - 2;
    this.#stage = 'pdv';
    if (this.#pdvLeft === 0) this.#takePiece(Buffer.alloc(0), 0);
  }

  #takePiece(chunk: Buffer, offset: number): number {
    const taken = Math.min(this.#pdvLeft, chunk.length - offset);
    this.#pdvLeft -= taken;
    const ended = this.#pdvLeft === 0;
    const { contextId, command, last } = this.#piece;
    if (ended) {
      if (this.#bodyLeft > 0 && this.#bodyLeft < 6) throw bad(`${this.#bodyLeft} bytes after the last PDV`);
      this.#expect(this.#bodyLeft > 0 ? 'pdv-header' : 'header', 6);
    }
    this.#options.onData({ contextId, command, last: last && ended, data: chunk.subarray(offset, offset + taken) });
    return taken;
  }

  #expect(stage: Stage, need: number): void {
    this.#stage = stage;
    this.#need = need;
  }
}

function decodeBody(type: number, body: Buffer): Pdu {
  switch (type) {
    case PDU_TYPE['associate-rq']:
      return decodeAssociateRq(body);
    case PDU_TYPE['associate-ac']:
      return decodeAssociateAc(body);
    case PDU_TYPE['associate-rj']:
      return { type: 'associate-rj', result: body[1]!, source: body[2]!, reason: body[3]! };
    case PDU_TYPE['release-rq']:
      return { type: 'release-rq' };
    case PDU_TYPE['release-rp']:
      return { type: 'release-rp' };
    default:
      return { type: 'abort', source: body[2]!, reason: body[3]! };
  }
}

function bad(message: string, unrecognized = false): ScannerError {
  return new ScannerError('protocol.pdu', { peer: 'peer', message, unrecognized });
}
