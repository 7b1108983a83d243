import type { Millimetre, MillimetrePerSecond } from '../base/units.js';
import type { CommandOptions, Device, Reply, Stamped } from './device.js';

export const TABLE_LIMITS = {
  horizontalMm: [0, 2000],
  verticalMm: [400, 1000],
  horizontalMmPerSecond: [0.1, 200],
  loadKg: 227,
} as const;

/** Constant acceleration of the horizontal axis, mm/s^2; the run-up for a speed v is v^2 / (2 a). */
export const TABLE_ACCELERATION = 250;

export interface TableState {
  /** Travel into the gantry. */
  horizontal: Millimetre;
  /** Height above the floor. */
  vertical: Millimetre;
  velocity: MillimetrePerSecond;
  moving: boolean;
  homed: boolean;
  loadKg: number;
}

export type TableEvent = Stamped &
  (
    | { type: 'arrived'; axis: 'horizontal' | 'vertical'; position: Millimetre }
    | { type: 'homed' }
    | { type: 'feedStarted'; position: Millimetre }
    | { type: 'windowEntered'; position: Millimetre }
    | { type: 'windowLeft'; position: Millimetre }
    | { type: 'feedEnded'; position: Millimetre }
    | { type: 'halted'; reason: string; position: Millimetre }
  );

/**
 * A constant feed: the table goes from where it stands to `stop` at `speed`; between `windowStart` and `windowEnd`
 * the hardware scan-window line is high, which fires an armed generator. Both lie where the speed is constant,
 * or the command is refused with `windowInRamp`.
 */
export interface FeedArgs {
  stop: Millimetre;
  speed: MillimetrePerSecond;
  windowStart: Millimetre;
  windowEnd: Millimetre;
}

export interface Table extends Device<TableState, TableEvent> {
  /** Refusals: `outOfRange`, `motionBlocked`, `overload`, `notHomed`, `busy`. */
  moveHorizontal(args: { position: Millimetre; speed: MillimetrePerSecond }, options?: CommandOptions): Promise<Reply>;
  moveVertical(args: { position: Millimetre }, options?: CommandOptions): Promise<Reply>;
  feed(args: FeedArgs, options?: CommandOptions): Promise<Reply>;
  /** Stops with full deceleration; always accepted. */
  halt(options?: CommandOptions): Promise<Reply>;
  home(options?: CommandOptions): Promise<Reply>;
}
