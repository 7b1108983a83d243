/** Counts associations, in all and by peer. */
export class Admission {
  readonly #max: number;
  readonly #maxPerPeer: number;
  readonly #byPeer = new Map<string, number>();
  #count = 0;

  constructor(max: number, maxPerPeer: number) {
    this.#max = max;
    this.#maxPerPeer = maxPerPeer;
  }

  /** @returns why there is no room, or undefined when the association is counted in */
  enter(peer: string): string | undefined {
    const ofPeer = this.#byPeer.get(peer) ?? 0;
    if (this.#count >= this.#max) return `${this.#max} associations are under way`;
    if (ofPeer >= this.#maxPerPeer) return `${this.#maxPerPeer} associations of ${peer} are under way`;
    this.#count++;
    this.#byPeer.set(peer, ofPeer + 1);
    return undefined;
  }

  leave(peer: string): void {
    const left = (this.#byPeer.get(peer) ?? 1) - 1;
    this.#count--;
    if (left > 0) this.#byPeer.set(peer, left);
    else this.#byPeer.delete(peer);
  }
}
