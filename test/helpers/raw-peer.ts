import { connect, createServer, type Server, type Socket } from 'node:net';
import { type Command, encodeCommand } from '../../runtime/dicom/dimse/command.js';
import {
  type AssociateAc,
  type AssociateRq,
  encodePdu,
  type Pdu,
  writePdvHeader,
} from '../../runtime/dicom/upper-layer/pdu.js';

/** A peer that does exactly what its test tells it, right or wrong. */
export class RawPeer {
  readonly socket: Socket;
  #bytes = Buffer.alloc(0);
  #closed = false;
  #wake = () => {};

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    socket.on('close', () => {
      this.#closed = true;
      this.#wake();
    });
  }

  static async connect(port: number): Promise<RawPeer> {
    const socket = connect({ port, host: '127.0.0.1' });
    await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
    return new RawPeer(socket);
  }

  send(...parts: (Buffer | Pdu)[]): void {
    this.socket.write(Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : encodePdu(part)))));
  }

  /** The next PDU: its type and body; type 0 once the connection is closed. */
  async next(ms = 10_000): Promise<{ type: number; body: Buffer }> {
    const end = performance.now() + ms;
    for (;;) {
      if (this.#bytes.length >= 6 && this.#bytes.length >= 6 + this.#bytes.readUInt32BE(2)) {
        const length = this.#bytes.readUInt32BE(2);
        const pdu = { type: this.#bytes[0]!, body: this.#bytes.subarray(6, 6 + length) };
        this.#bytes = this.#bytes.subarray(6 + length);
        return pdu;
      }
      if (this.#closed) return { type: 0, body: Buffer.alloc(0) };
      const left = end - performance.now();
      if (left <= 0) throw new Error(`no PDU within ${ms} ms`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** The types of the PDUs up to the end of the connection. */
  async typesToEnd(): Promise<number[]> {
    const types: number[] = [];
    for (;;) {
      const { type } = await this.next();
      if (type === 0) return types;
      types.push(type);
    }
  }

  end(): void {
    this.socket.destroy();
  }
}

/** Listens and hands each connection to `serve`. */
export async function rawServer(serve: (peer: RawPeer) => Promise<void>): Promise<{ port: number; close(): void }> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    serve(new RawPeer(socket)).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const close = () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { port: typeof address === 'object' && address ? address.port : 0, close };
}

export const VERIFICATION = '1.2.840.10008.1.1';
const IMPLICIT = '1.2.840.10008.1.2';
const common = {
  protocolVersion: 1,
  calledAe: 'PEER',
  callingAe: 'RAW',
  applicationContext: '1.2.840.10008.3.1.1.1',
  user: { maxPduLength: 16384, implementationClassUid: '1.2.3', roles: [] },
};

export function associateRq(contexts: Record<number, string>, more: Partial<AssociateRq> = {}): AssociateRq {
  return {
    ...common,
    type: 'associate-rq',
    contexts: Object.entries(contexts).map(([id, abstractSyntax]) => ({
      id: Number(id),
      abstractSyntax,
      transferSyntaxes: [IMPLICIT],
    })),
    ...more,
  };
}

/** Accepts contexts 1, 3 ... in a syntax. */
export function associateAc(count = 1, transferSyntax = IMPLICIT, maxPduLength = 16384): AssociateAc {
  const contexts = Array.from({ length: count }, (_, i) => ({ id: 2 * i + 1, result: 0, transferSyntax }));
  return { ...common, type: 'associate-ac', contexts, user: { ...common.user, maxPduLength } };
}

export function pdv(contextId: number, data: Buffer, flags: { command: boolean; last?: boolean }): Buffer {
  const pdu = Buffer.alloc(12 + data.length);
  writePdvHeader(pdu, 0, { contextId, command: flags.command, last: flags.last ?? true, length: data.length });
  data.copy(pdu, 12);
  return pdu;
}

export function commandPdu(contextId: number, command: Command, withDataset = false): Buffer {
  return pdv(contextId, encodeCommand(command, withDataset), { command: true });
}

export const ECHO = (id: number): Command => ({ CommandField: 0x30, MessageID: id, AffectedSOPClassUID: VERIFICATION });
