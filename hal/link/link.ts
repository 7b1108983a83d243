/** A link carries bytes both ways. It knows nothing of frames, and its end is no news: silence is judged by heartbeats. */

export interface Link {
  /** For messages: `memory`, `/dev/pts/4`, `127.0.0.1:9000`. */
  readonly where: string;
  readonly state: 'open' | 'closed';
  /**
   * Takes the buffer over: the caller no longer touches it. Returns a promise when the link is backed up, which resolves once
   * more can be taken; a sender that goes on all the same makes the queue grow. After the end it does nothing. Never rejects.
   */
  send(bytes: Uint8Array): undefined | Promise<void>;
  /** One listener; what came before it is handed over first. */
  onData(listener: (bytes: Uint8Array) => void): void;
  /** Called once when the link has ended by itself or was closed. */
  onClose(listener: () => void): void;
  close(): Promise<void>;
}

/** Bytes in flight from which `send` answers with a promise. */
export const BACKED_UP_BYTES = 1024 * 1024;

/** The listeners' half of a link. */
export class LinkEnd {
  #listener: ((bytes: Uint8Array) => void) | undefined;
  #early: Uint8Array[] = [];
  #closeListeners: (() => void)[] = [];
  #closed = false;

  get closed(): boolean {
    return this.#closed;
  }

  deliver(bytes: Uint8Array): void {
    if (this.#closed) return;
    if (this.#listener) this.#listener(bytes);
    else this.#early.push(bytes);
  }

  onData(listener: (bytes: Uint8Array) => void): void {
    this.#listener = listener;
    const early = this.#early;
    this.#early = [];
    for (const bytes of early) listener(bytes);
  }

  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#closeListeners.push(listener);
  }

  /** @returns false when it had ended already */
  end(): boolean {
    if (this.#closed) return false;
    this.#closed = true;
    for (const listener of this.#closeListeners) listener();
    return true;
  }
}

/** Bytes under way and those who wait for them to go. */
export class Backlog {
  #bytes = 0;
  #waiting: (() => void)[] = [];
  #wait: Promise<void> | undefined;

  /** @returns a promise when there is too much under way */
  add(size: number): undefined | Promise<void> {
    this.#bytes += size;
    if (this.#bytes < BACKED_UP_BYTES) return undefined;
    this.#wait ??= new Promise((resolve) => this.#waiting.push(resolve));
    return this.#wait;
  }

  done(size: number): void {
    this.#bytes -= size;
    if (this.#bytes < BACKED_UP_BYTES / 2) this.#release();
  }

  clear(): void {
    this.#bytes = 0;
    this.#release();
  }

  #release(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#wait = undefined;
    for (const resolve of waiting) resolve();
  }
}
