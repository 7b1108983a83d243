import type { ScannerError } from '../../../hal/base/errors.js';

/** A signal that is made when it is asked for: most requests end without. */
export class LazySignal {
  #controller: AbortController | undefined;
  #reason: ScannerError | undefined;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  abort(reason: ScannerError): void {
    this.#reason ??= reason;
    this.#controller?.abort(this.#reason);
  }
}
