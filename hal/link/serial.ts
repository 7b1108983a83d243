/** Links over a serial port: a real one or a pseudo-terminal. */

import { SerialPort } from 'serialport';
import { asScannerError } from '../base/errors.js';
import { Backlog, type Link, LinkEnd } from './link.js';

// a pseudo-terminal ignores it
const BAUD_RATE = 921_600;

/**
 * Modem lines are left alone: a pseudo-terminal has none, and a vanished peer moves none either.
 * The end of the port is not trusted to be told; heartbeats find it.
 */
export class SerialLink implements Link {
  readonly where: string;
  readonly #port: SerialPort;
  readonly #end = new LinkEnd();
  readonly #backlog = new Backlog();

  /** @param port open */
  constructor(port: SerialPort) {
    this.where = port.path;
    this.#port = port;
    port.on('data', (bytes: Buffer) => this.#end.deliver(bytes));
    port.on('error', () => this.#finish());
    port.on('close', () => this.#finish());
  }

  get state(): 'open' | 'closed' {
    return this.#end.closed ? 'closed' : 'open';
  }

  send(bytes: Uint8Array): undefined | Promise<void> {
    if (this.#end.closed || bytes.byteLength === 0) return undefined;
    const size = bytes.byteLength;
    const wait = this.#backlog.add(size);
    this.#port.write(Buffer.from(bytes.buffer, bytes.byteOffset, size), undefined, () => this.#backlog.done(size));
    return wait;
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#end.onData(listener);
  }

  onClose(listener: () => void): void {
    this.#end.onClose(listener);
  }

  async close(): Promise<void> {
    this.#finish();
    if (!this.#port.isOpen) return;
    await new Promise<void>((resolve) => this.#port.close(() => resolve()));
  }

  #finish(): void {
    this.#end.end();
    this.#backlog.clear();
  }
}

/**
 * @param path e.g. `/dev/ttyUSB0`, `/dev/pts/4`
 * @throws ScannerError link.open
 */
export function openSerial(options: { path: string; device: string; baudRate?: number }): Promise<Link> {
  const { path, device, baudRate = BAUD_RATE } = options;
  const port = new SerialPort({ path, baudRate, autoOpen: false, hupcl: false });
  return new Promise((resolve, reject) => {
    port.open((error) => {
      if (error) reject(asScannerError(error, 'link.open', { device, where: path }));
      else resolve(new SerialLink(port));
    });
  });
}
