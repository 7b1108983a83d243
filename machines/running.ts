/** An actor that is started, persisted at each change, and awaited. */

import { type Actor, type AnyStateMachine, createActor, type InputFrom, type OutputFrom } from 'xstate';
import { asScannerError, ScannerError } from '../hal/base/errors.js';
import type { Log } from '../hal/base/log.js';
import type { MachineClock } from './clock.js';
import { type Persisting, persistActor, type SaveRecord } from './persist.js';
import type { Failure } from './types.js';

/** What the caller of a start is given. */
export interface Running<Output> {
  id: string;
  /** The output; rejects with `timeout.aborted` when stopped before its end, or with what broke the machine. */
  done: Promise<Output>;
}

export interface Surroundings {
  clock: MachineClock;
  log: Log;
  save: SaveRecord;
  /** Emitted events of the machine. */
  tell: (fact: { type: string }) => void;
  changed: () => void;
}

export interface Kept<M extends AnyStateMachine> extends Running<OutputFrom<M>> {
  actor: Actor<M>;
  flush(): Promise<void>;
  stop(): void;
}

/** Makes every change of `actor` durable, and what it emits known. */
export function keep(
  actor: Actor<AnyStateMachine>,
  what: { machine: string; id: string; ignore?: readonly string[] },
  surroundings: Surroundings,
): Persisting {
  const { log, save, tell, changed } = surroundings;
  actor.on('*', (fact) => tell(fact));
  actor.subscribe({ next: () => changed(), error: () => changed(), complete: () => changed() });
  const failed = (error: unknown) =>
    log.error({ ...what, error: asScannerError(error).toJSON() }, 'record not written');
  return persistActor(actor, { ...what, save, failed });
}

/** Starts `machine` and keeps it. */
export function run<M extends AnyStateMachine>(
  machine: M,
  input: InputFrom<M>,
  what: { machine: string; id: string; ignore?: readonly string[] },
  surroundings: Surroundings,
): Kept<M> {
  const actor = createActor(machine as AnyStateMachine, { input, clock: surroundings.clock });
  const done = new Promise<OutputFrom<M>>((resolve, reject) => {
    actor.subscribe({
      complete: () => {
        const { status, output } = actor.getSnapshot();
        if (status === 'done') resolve(output as OutputFrom<M>);
        else reject(new ScannerError('timeout.aborted', { what: `${what.machine} ${what.id}` }));
      },
      error: (error) => reject(asScannerError(error)),
    });
  });
  done.catch(() => {}); // whoever awaits it is told; nobody has to
  const kept = keep(actor, what, surroundings);
  actor.start();
  return {
    id: what.id,
    actor: actor as unknown as Actor<M>,
    done,
    flush: () => kept.flush(),
    stop: () => {
      actor.stop();
      kept.stop();
    },
  };
}

/** A failure of a record or output as the error it was. */
export function errorOf(failure: Failure): ScannerError {
  return new ScannerError(failure.code, failure.context);
}
