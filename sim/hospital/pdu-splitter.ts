/** A PDU as it came, header and all. */
export interface WholePdu {
  type: number;
  bytes: Buffer;
}

/** A PDV of a P-DATA-TF PDU: PS3.8 9.3.5.1. */
export interface Pdv {
  contextId: number;
  command: boolean;
  last: boolean;
  data: Buffer;
  /** With its header, as it stood in the PDU. */
  bytes: Buffer;
}

const HEADER_BYTES = 6;
/** Longer PDUs are not taken apart: no DICOM peer of ours sends them. */
const LIMIT = 4 * 1024 * 1024;

/** Cuts a stream of bytes into PDUs. What cannot be one is handed on as it comes, for the server behind to judge. */
export class PduSplitter {
  readonly #onPdu: (pdu: WholePdu) => void;
  readonly #onOther: (bytes: Buffer) => void;
  #chunks: Buffer[] = [];
  #held = 0;
  #lost = false;

  constructor(options: { onPdu(pdu: WholePdu): void; onOther(bytes: Buffer): void }) {
    this.#onPdu = options.onPdu;
    this.#onOther = options.onOther;
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#held += chunk.length;
    while (!this.#lost && this.#held >= HEADER_BYTES) {
      const header = this.#chunks[0]!.length >= HEADER_BYTES ? this.#chunks[0]! : this.#join();
      const total = HEADER_BYTES + header.readUInt32BE(2);
      this.#lost = header[0]! < 1 || header[0]! > 7 || total > LIMIT;
      if (this.#lost || this.#held < total) break;
      const all = this.#join();
      this.#chunks = total < all.length ? [all.subarray(total)] : [];
      this.#held -= total;
      this.#onPdu({ type: all[0]!, bytes: all.subarray(0, total) });
    }
    if (this.#lost && this.#held > 0) {
      const rest = this.#join();
      this.#chunks = [];
      this.#held = 0;
      this.#onOther(rest);
    }
  }

  #join(): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks);
    this.#chunks = [all];
    return all;
  }
}

/** The PDVs of a P-DATA-TF, or undefined when their lengths do not add up. */
export function pdvsOf(pdu: Buffer): Pdv[] | undefined {
  const pdvs: Pdv[] = [];
  let offset = HEADER_BYTES;
  while (offset < pdu.length) {
    if (offset + 6 > pdu.length) return undefined;
    const end = offset + 4 + pdu.readUInt32BE(offset);
    if (end > pdu.length || end < offset + 6) return undefined;
    const flags = pdu[offset + 5]!;
    pdvs.push({
      contextId: pdu[offset + 4]!,
      command: (flags & 1) === 1,
      last: (flags & 2) === 2,
      data: pdu.subarray(offset + 6, end),
      bytes: pdu.subarray(offset, end),
    });
    offset = end;
  }
  return pdvs;
}

/** PDVs as a PDU of their own. */
export function dataPdu(pdvs: readonly Pdv[]): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = 4;
  header.writeUInt32BE(
    pdvs.reduce((sum, { bytes }) => sum + bytes.length, 0),
    2,
  );
  return Buffer.concat([header, ...pdvs.map(({ bytes }) => bytes)]);
}
