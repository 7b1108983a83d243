import type { Socket } from 'node:net';
import { type Descriptor, descriptorOf } from '../../../native/net.js';

/** What a thread does with a connection: both ways, or only read it. */
export type LoanKind = 'whole' | 'reading';

/** A connection in a thread's hands. Of one that it has whole, what is to be written meanwhile waits, and asks for it back. */
export class Loan {
  readonly descriptor: Descriptor;
  readonly kind: LoanKind;
  readonly recall: () => void;
  /** The thread is between messages, or waits for us, and does not watch for silence. */
  resting = false;
  readonly #waiting: (() => void)[] = [];

  private constructor(descriptor: Descriptor, kind: LoanKind, recall: () => void) {
    this.descriptor = descriptor;
    this.kind = kind;
    this.recall = recall;
  }

  /** @returns undefined where there is no descriptor to lend: TLS, no addon, or bytes of ours that still wait to be sent */
  static of(socket: Socket, kind: LoanKind, recall: () => void): Loan | undefined {
    const descriptor = socket.destroyed || socket.writableLength > 0 ? undefined : descriptorOf(socket);
    descriptor?.stopReading();
    return descriptor && new Loan(descriptor, kind, recall);
  }

  /** @returns true when `act` has to wait until the connection is back */
  defer(act: () => void): boolean {
    if (this.kind === 'reading') return false;
    this.#waiting.push(act);
    this.recall();
    return true;
  }

  /** Does what waited, in its order. */
  settle(): void {
    for (const act of this.#waiting) act();
  }
}
