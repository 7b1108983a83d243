import type { Clock } from '../hal/base/clock.js';
import type { Link } from '../hal/link/link.js';

/** After this silence nobody is taken to be at the other end, wall ms. */
const NOBODY_MS = 1000;

/**
 * A board's view of its control link. Nothing is said into a line on which no host is heard, so that a host that comes
 * does not find minutes of old news in the line's buffers. The line can be cut without its ends being told.
 */
export class HostLink implements Link {
  readonly #link: Link;
  readonly #wall: Clock;
  readonly #isCut: () => boolean;
  #heardMs = Number.NEGATIVE_INFINITY;

  constructor(link: Link, options: { wall: Clock; isCut: () => boolean }) {
    this.#link = link;
    this.#wall = options.wall;
    this.#isCut = options.isCut;
  }

  get where(): string {
    return this.#link.where;
  }

  get state(): 'open' | 'closed' {
    return this.#link.state;
  }

  send(bytes: Uint8Array): undefined | Promise<void> {
    const nobody = this.#wall.now() - this.#heardMs > NOBODY_MS;
    return nobody || this.#isCut() ? undefined : this.#link.send(bytes);
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#link.onData((bytes) => {
      if (this.#isCut()) return;
      this.#heardMs = this.#wall.now();
      listener(bytes);
    });
  }

  onClose(listener: () => void): void {
    this.#link.onClose(listener);
  }

  close(): Promise<void> {
    return this.#link.close();
  }
}
