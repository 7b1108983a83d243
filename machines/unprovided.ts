import { fromPromise, type PromiseActorLogic } from 'xstate';
import { ScannerError } from '../hal/base/errors.js';

/**
 * The default of a registry key: a promise that rejects, so that a machine started without its surroundings fails
 * loudly instead of pretending. `runtime` provides the real one.
 * @throws ScannerError bug.contract
 */
export function unprovided<Output, Input>(name: string): PromiseActorLogic<Output, Input> {
  return fromPromise<Output, Input>(() =>
    Promise.reject(new ScannerError('bug.contract', { message: `actor ${name} was not provided` })),
  );
}
