import type { Clock, TimerHandle } from '../hal/base/clock.js';

/** The clock interface of XState, as `createActor({ clock })` takes it. */
export interface MachineClock {
  setTimeout(fn: () => void, ms: number): TimerHandle;
  clearTimeout(timer: TimerHandle | undefined): void;
}

/**
 * Delays of machines run on this clock. Every delay in a machine is a back-off or a limit of patience, so the
 * supervisor hands in `clock.wall`: a network is not faster because scanner time is.
 */
export function machineClock(clock: Clock): MachineClock {
  return {
    setTimeout: (fn, ms) => clock.after(ms, fn),
    clearTimeout: (timer) => timer?.cancel(),
  };
}
