import type { Degree, Second } from '../base/units.js';
import type { CommandOptions, Device, Reply, Stamped } from './device.js';

export const ROTATION_TIMES: readonly Second[] = [0.33, 0.5, 1.0];
export const TILT_RANGE: readonly [Degree, Degree] = [-30, 30];

export interface GantryState {
  rotation: 'stopped' | 'spinningUp' | 'atSpeed' | 'spinningDown' | 'parking';
  /** Seconds a turn; 0 when stopped. */
  rotationTime: Second;
  /** Tube angle, 0 above the patient, growing toward patient left. */
  angle: Degree;
  tilt: Degree;
  tilting: boolean;
}

export type GantryEvent = Stamped &
  (
    | { type: 'atSpeed'; rotationTime: Second }
    | { type: 'stopped'; angle: Degree }
    | { type: 'tubeParked'; angle: Degree }
    | { type: 'tiltReached'; tilt: Degree }
  );

export interface Gantry extends Device<GantryState, GantryEvent> {
  /** Refusals: `outOfRange`, `motionBlocked`, `busy`. */
  startRotation(args: { rotationTime: Second }, options?: CommandOptions): Promise<Reply>;
  stopRotation(options?: CommandOptions): Promise<Reply>;
  /** Brings the standing tube to an angle, for a topogram. */
  parkTube(args: { angle: Degree }, options?: CommandOptions): Promise<Reply>;
  tiltTo(args: { tilt: Degree }, options?: CommandOptions): Promise<Reply>;
}
