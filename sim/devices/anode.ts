/**
 * Heat of the tube's anode. It loses heat in proportion to what it holds, so between changes of power P
 * H(t) = H0 exp(-t/tau) + P tau (1 - exp(-t/tau)): exact at any instant. It is metal: a reboot of the board does not cool it.
 */
export class Anode {
  readonly #tauSeconds: number;
  #heat: number;
  #power = 0;
  #sinceMs: number;

  /** @param tauSeconds cooling time constant; heats in HU, powers in HU/s. */
  constructor(options: { tauSeconds: number; heat: number; atMs: number }) {
    this.#tauSeconds = options.tauSeconds;
    this.#heat = options.heat;
    this.#sinceMs = options.atMs;
  }

  heat(ms: number): number {
    return this.#after(this.#power, (ms - this.#sinceMs) / 1000);
  }

  /** Heat after `seconds` more of `power`, from `ms` on. */
  predict(ms: number, power: number, seconds: number): number {
    const start = this.heat(ms);
    const left = Math.exp(-seconds / this.#tauSeconds);
    return start * left + power * this.#tauSeconds * (1 - left);
  }

  /** Seconds of `power` from `ms` on until the anode holds `limit`; Infinity when it never will. */
  secondsTo(ms: number, power: number, limit: number): number {
    const start = this.heat(ms);
    if (start >= limit) return 0;
    const settled = power * this.#tauSeconds;
    if (settled <= limit) return Number.POSITIVE_INFINITY;
    return this.#tauSeconds * Math.log((settled - start) / (settled - limit));
  }

  setPower(ms: number, power: number): void {
    this.setHeat(ms, this.heat(ms));
    this.#power = power;
  }

  setHeat(ms: number, heat: number): void {
    this.#heat = heat;
    this.#sinceMs = ms;
  }

  #after(power: number, seconds: number): number {
    const left = Math.exp(-Math.max(0, seconds) / this.#tauSeconds);
    return this.#heat * left + power * this.#tauSeconds * (1 - left);
  }
}
