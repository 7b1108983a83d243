import type { Socket } from 'node:net';

/**
 * Connections that carry no association. Peers send their request at once, so when there are too many of them the one that has
 * waited longest is dropped: a crowd of silent ones cannot keep others out.
 */
export class IdleSockets {
  readonly #max: number;
  readonly #sockets = new Map<string, Socket>();
  #closing = false;

  constructor(max: number) {
    this.#max = max;
  }

  get count(): number {
    return this.#sockets.size;
  }

  enter(socket: Socket): void {
    const key = keyOf(socket);
    if (socket.destroyed || this.#sockets.has(key)) return;
    if (this.#closing) socket.destroySoon(); // an A-ABORT may still go out
    const [oldest] = this.#sockets;
    if (oldest && this.#sockets.size >= this.#max) {
      this.#sockets.delete(oldest[0]);
      oldest[1].destroy();
    }
    this.#sockets.set(key, socket);
    socket.once('close', () => this.#sockets.delete(key));
  }

  leave(socket: Socket): void {
    this.#sockets.delete(keyOf(socket));
  }

  /** Ends all, and from now on each that enters. */
  close(): void {
    this.#closing = true;
    for (const socket of this.#sockets.values()) socket.destroy();
    this.#sockets.clear();
  }
}

/** The same for a socket and for the TLS socket on top of it. */
function keyOf({ remoteAddress, remotePort, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localPort}`;
}
