import type { HeatUnit, Kilovolt, Milliampere, MilliampereSecond, Second } from '../base/units.js';
import type { CommandOptions, Device, Reply, Stamped } from './device.js';

export const GENERATOR_LIMITS = {
  kv: [80, 100, 120, 140],
  ma: [20, 666],
  kilowatt: 80,
  /** Longest single exposure, s. */
  exposureSeconds: 100,
  /** Nominal heat storage of the anode, HU. */
  anodeHeat: 5_000_000,
  /** Filament preheat before an exposure, s. */
  preheatSeconds: 2,
} as const;

/** `standby` -> prepare -> `preheating` -> `ready` -> arm -> `armed` -> (window or fire) -> `exposing` -> `ready`. */
export type GeneratorPhase = 'standby' | 'preheating' | 'ready' | 'armed' | 'exposing';

export interface GeneratorState {
  phase: GeneratorPhase;
  beamOn: boolean;
  kv: Kilovolt;
  ma: Milliampere;
  anodeHeat: HeatUnit;
}

export type ExposureEnd = 'window' | 'timer' | 'host' | 'interlock' | 'emergencyStop' | 'watchdog' | 'arc' | 'heat';

export type GeneratorEvent = Stamped &
  (
    | { type: 'ready' }
    | { type: 'armed' }
    | { type: 'exposureStarted'; kv: Kilovolt; ma: Milliampere }
    | { type: 'exposureEnded'; reason: ExposureEnd; seconds: Second; mas: MilliampereSecond }
    | { type: 'arc' }
    | { type: 'disarmed'; reason: string }
  );

export interface Generator extends Device<GeneratorState, GeneratorEvent> {
  /** Refusals: `outOfRange`, `power`, `heat`, `busy`. */
  prepare(args: { kv: Kilovolt; ma: Milliampere; maxSeconds: Second }, options?: CommandOptions): Promise<Reply>;
  /** Exposure follows the scan-window line (`window`) or `fire` (`host`). Refusals: `notReady`, `interlock`, `noHeartbeat`. */
  arm(args: { trigger: 'window' | 'host' }, options?: CommandOptions): Promise<Reply>;
  fire(options?: CommandOptions): Promise<Reply>;
  /** Ends an exposure and disarms. Always accepted, in every lifecycle state that has a link. */
  beamOff(options?: CommandOptions): Promise<Reply>;
  /** Back to standby. */
  standby(options?: CommandOptions): Promise<Reply>;
}

/** Heat put into the anode by an exposure (constant-potential factor 1.35), HU. */
export function heatOf(kv: Kilovolt, ma: Milliampere, seconds: Second): HeatUnit {
  return 1.35 * kv * ma * seconds;
}
