import type { Socket } from 'node:net';
import { type Descriptor, descriptorOf } from '../../../native/net.js';

/** A connection in a thread's hands: what is to be written meanwhile waits, and asks for it back. */
export class Loan {
  readonly descriptor: Descriptor;
  readonly recall: () => void;
  readonly #waiting: (() => void)[] = [];

  private constructor(descriptor: Descriptor, recall: () => void) {
    this.descriptor = descriptor;
    this.recall = recall;
  }

  /** @returns undefined where there is no descriptor to lend: TLS, no addon, or bytes of ours that still wait to be sent */
  static of(socket: Socket, recall: () => void): Loan | undefined {
    const descriptor = socket.destroyed || socket.writableLength > 0 ? undefined : descriptorOf(socket);
    descriptor?.stopReading();
    return descriptor && new Loan(descriptor, recall);
  }

  defer(act: () => void): true {
    this.#waiting.push(act);
    this.recall();
    return true;
  }

  /** Does what waited, in its order. */
  settle(): void {
    for (const act of this.#waiting) act();
  }
}
