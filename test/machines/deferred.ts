import { fromPromise, type PromiseActorLogic } from 'xstate';
import { ScannerError } from '../../hal/base/errors.js';

/** Actors that wait until the test settles them, so that a path through a machine can be walked step by step. */
export class Deferreds {
  /** Names in the order in which they were started. */
  readonly started: string[] = [];
  readonly aborted: string[] = [];
  readonly #open = new Map<string, { resolve(output: unknown): void; reject(error: unknown): void }>();

  logic<Output, Input>(name: string): PromiseActorLogic<Output, Input> {
    return fromPromise<Output, Input>(({ signal }) => {
      this.started.push(name);
      signal.addEventListener('abort', () => {
        this.aborted.push(name);
        this.#open.delete(name);
      });
      return new Promise((resolve, reject) => {
        this.#open.set(name, { resolve: (output) => resolve(output as Output), reject });
      });
    });
  }

  isOpen(name: string): boolean {
    return this.#open.has(name);
  }

  /** Settles as an `xstate.done.actor.NAME` or `xstate.error.actor.NAME` event says. */
  settle(event: { type: string; output?: unknown; error?: unknown }): void {
    const name = event.type.split('.').at(-1) ?? '';
    const open = this.#open.get(name);
    if (!open) throw new Error(`${name} is not under way`);
    this.#open.delete(name);
    if (event.type.startsWith('xstate.error')) open.reject(event.error ?? new ScannerError('bug.unexpected'));
    else open.resolve(event.output ?? null);
  }
}

/** Lets promises and the events that follow them run. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
