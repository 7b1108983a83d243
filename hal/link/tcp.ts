/** Links over TCP. */

import { connect, createServer, type Socket } from 'node:net';
import type { Clock } from '../base/clock.js';
import { within } from '../base/deadline.js';
import { asScannerError, ScannerError } from '../base/errors.js';
import { Backlog, type Link, LinkEnd } from './link.js';

export class TcpLink implements Link {
  readonly where: string;
  readonly #socket: Socket;
  readonly #end = new LinkEnd();
  readonly #backlog = new Backlog();

  /** @param socket connected */
  constructor(socket: Socket) {
    this.#socket = socket;
    this.where = `${socket.remoteAddress}:${socket.remotePort}`;
    socket.setNoDelay(true);
    socket.on('data', (bytes) => this.#end.deliver(bytes));
    // reset, unreachable: the end follows as `close`, the reason is the peer's
    socket.on('error', () => {});
    socket.on('close', () => this.#finish());
    // heartbeats would go unanswered into a half-open connection
    socket.on('end', () => socket.destroy());
  }

  get state(): 'open' | 'closed' {
    return this.#end.closed ? 'closed' : 'open';
  }

  send(bytes: Uint8Array): undefined | Promise<void> {
    if (this.#end.closed || bytes.byteLength === 0) return undefined;
    const size = bytes.byteLength;
    const wait = this.#backlog.add(size);
    this.#socket.write(bytes, () => this.#backlog.done(size));
    return wait;
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#end.onData(listener);
  }

  onClose(listener: () => void): void {
    this.#end.onClose(listener);
  }

  async close(): Promise<void> {
    this.#socket.destroy();
    this.#finish();
  }

  #finish(): void {
    this.#end.end();
    this.#backlog.clear();
  }
}

/** @throws ScannerError link.open */
export async function connectTcp(options: {
  host: string;
  port: number;
  device: string;
  clock: Clock;
  connectMs?: number;
}): Promise<Link> {
  const { host, port, device, clock, connectMs = 2000 } = options;
  const context = { device, where: `${host}:${port}` };
  const socket = connect({ host, port });
  const connected = new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  try {
    await within(connected, { clock: clock.wall, ms: connectMs, context: { what: `connection to ${host}:${port}` } });
  } catch (error) {
    socket.destroy();
    throw asScannerError(error instanceof ScannerError ? new Error(error.message) : error, 'link.open', context);
  }
  return new TcpLink(socket);
}

export interface TcpLinkServer {
  readonly host: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Calls `onLink` for each connection.
 * @param port 0 for any free one
 * @throws ScannerError config.port
 */
export function listenTcp(options: {
  host: string;
  port: number;
  onLink: (link: Link) => void;
}): Promise<TcpLinkServer> {
  const { host, port, onLink } = options;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    onLink(new TcpLink(socket));
  });
  const close = () =>
    new Promise<void>((resolve) => {
      for (const socket of sockets) socket.destroy();
      server.close(() => resolve());
    });
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(asScannerError(error, 'config.port', { host, port })));
    server.listen(port, host, () => {
      const address = server.address();
      resolve({ host, port: typeof address === 'object' && address ? address.port : port, close });
    });
  });
}
