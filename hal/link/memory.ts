/** Links inside one machine: a pair in one thread, or the two ends of a MessageChannel in two. */

import type { MessagePort } from 'node:worker_threads';
import { Backlog, type Link, LinkEnd } from './link.js';

// bytes handed over in one turn of the event loop, so that a full queue does not stop the timers
const TURN_BYTES = 512 * 1024;

/** Two ends in one thread. Bytes arrive in later turns of the event loop, in order, never inside `send`. */
export function memoryPair(where = 'memory'): [Link, Link] {
  const a = new MemoryLink(where);
  const b = new MemoryLink(where);
  a.join(b);
  b.join(a);
  return [a, b];
}

class MemoryLink implements Link {
  readonly where: string;
  readonly #end = new LinkEnd();
  readonly #backlog = new Backlog();
  #peer: MemoryLink | undefined;
  #queue: Uint8Array[] = [];
  #scheduled = false;

  constructor(where: string) {
    this.where = where;
  }

  join(peer: MemoryLink): void {
    this.#peer = peer;
  }

  arrive(bytes: Uint8Array): void {
    this.#end.deliver(bytes);
  }

  get state(): 'open' | 'closed' {
    return this.#end.closed ? 'closed' : 'open';
  }

  send(bytes: Uint8Array): undefined | Promise<void> {
    if (this.#end.closed || bytes.byteLength === 0) return undefined;
    this.#queue.push(bytes);
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#turn());
    }
    return this.#backlog.add(bytes.byteLength);
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#end.onData(listener);
  }

  onClose(listener: () => void): void {
    this.#end.onClose(listener);
  }

  async close(): Promise<void> {
    if (!this.#end.end()) return;
    this.#backlog.clear();
    // as on a real line, the other end is told nothing; but what was sent still arrives
    while (this.#queue.length > 0) this.#turn();
  }

  #turn(): void {
    this.#scheduled = false;
    let count = 0;
    let size = 0;
    while (count < this.#queue.length && size < TURN_BYTES) size += this.#queue[count++]!.byteLength;
    for (const bytes of this.#queue.splice(0, count)) this.#peer?.arrive(bytes);
    this.#backlog.done(size);
    if (this.#queue.length > 0 && !this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => this.#turn());
    }
  }
}

type PortMessage = { bytes: Uint8Array } | { taken: number };

/**
 * One end of a link between threads; the other thread wraps the other port. Buffers that own their memory are transferred,
 * others are copied. The receiver says what it has taken, which is the back-pressure.
 */
export class PortLink implements Link {
  readonly where: string;
  readonly #port: MessagePort;
  readonly #end = new LinkEnd();
  readonly #backlog = new Backlog();
  #listening = false;
  #queue: Uint8Array[] = [];
  #scheduled = false;

  constructor(port: MessagePort, where = 'memory') {
    this.where = where;
    this.#port = port;
    port.on('message', (message: PortMessage) => this.#receive(message));
    port.on('close', () => {
      for (const bytes of this.#queue.splice(0)) this.#end.deliver(bytes);
      this.#finish();
    });
  }

  get state(): 'open' | 'closed' {
    return this.#end.closed ? 'closed' : 'open';
  }

  send(bytes: Uint8Array): undefined | Promise<void> {
    if (this.#end.closed || bytes.byteLength === 0) return undefined;
    const size = bytes.byteLength;
    this.#port.postMessage({ bytes } satisfies PortMessage, transferable(bytes));
    return this.#backlog.add(size);
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#listening = true;
    this.#end.onData(listener);
  }

  onClose(listener: () => void): void {
    this.#end.onClose(listener);
  }

  async close(): Promise<void> {
    this.#queue = [];
    this.#port.close();
    this.#finish();
  }

  #receive(message: PortMessage): void {
    if ('taken' in message) this.#backlog.done(message.taken);
    else {
      this.#queue.push(message.bytes);
      this.#turn();
    }
  }

  /** A port hands over all that has come at once, which may be megabytes: what is more than a turn's share waits for the next. */
  #turn(): void {
    if (this.#scheduled) return;
    let size = 0;
    let count = 0;
    while (count < this.#queue.length && size < TURN_BYTES) size += this.#queue[count++]!.byteLength;
    for (const bytes of this.#queue.splice(0, count)) this.#end.deliver(bytes);
    if (this.#listening) this.#port.postMessage({ taken: size } satisfies PortMessage);
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      if (this.#queue.length > 0) this.#turn();
    });
  }

  #finish(): void {
    this.#end.end();
    this.#backlog.clear();
  }
}

function transferable(bytes: Uint8Array): ArrayBuffer[] {
  const { buffer, byteLength } = bytes;
  // a pooled buffer belongs to others as well
  const own = buffer instanceof ArrayBuffer && buffer.byteLength <= byteLength + byteLength / 64 + 64;
  return own ? [buffer] : [];
}
