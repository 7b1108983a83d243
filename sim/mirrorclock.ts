import { type Clock, ScaledClock } from '../hal/base/clock.js';

/** What another thread needs to run the same scaled clock. */
export interface ClockReading {
  scannerMs: number;
  /** Host time at that reading, ms since the epoch. */
  hostMs: number;
  speed: number;
}

export function readClock(clock: Clock): ClockReading {
  return { scannerMs: clock.now(), hostMs: hostNow(), speed: clock.speed };
}

/** A clock that agrees with the one that was read, in this thread or another of the same machine. */
export function mirrorClock({ scannerMs, hostMs, speed }: ClockReading): Clock {
  return new ScaledClock({ speed, startMs: scannerMs + (hostNow() - hostMs) * speed });
}

function hostNow(): number {
  return performance.timeOrigin + performance.now();
}
