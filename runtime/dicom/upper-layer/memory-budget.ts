/**
 * Bytes from the network that may wait in memory, over all associations of a server. What is over it holds sockets back, and refuses
 * what would have to be gathered; one piece an association always passes, so that none waits for another.
 */
export class MemoryBudget {
  readonly max: number;
  #used = 0;

  constructor(max: number) {
    this.max = max;
  }

  get used(): number {
    return this.#used;
  }

  get full(): boolean {
    return this.#used >= this.max;
  }

  take(bytes: number): void {
    this.#used += bytes;
  }

  /** @returns false when there is no room, and nothing is taken */
  tryTake(bytes: number): boolean {
    if (this.#used + bytes > this.max) return false;
    this.#used += bytes;
    return true;
  }

  give(bytes: number): void {
    this.#used -= bytes;
  }
}
