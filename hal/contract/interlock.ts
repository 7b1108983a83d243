import type { CommandOptions, Device, Reply, Stamped } from './device.js';

/** The safety chain. It acts in hardware; the host observes and may ask for a stop or, once all is well, a reset. */
export interface InterlockState {
  emergencyStop: boolean;
  doorClosed: boolean;
  /** Latched by an emergency stop until `reset`. */
  tripped: boolean;
  /** Chain closed: X-ray may be switched on. */
  beamPermit: boolean;
  /** Table and gantry may move. */
  motionPermit: boolean;
}

export type InterlockEvent = Stamped &
  (
    | { type: 'emergencyStopPressed' }
    | { type: 'emergencyStopReleased' }
    | { type: 'doorOpened' }
    | { type: 'doorClosed' }
    | { type: 'chainReset' }
  );

export interface Interlock extends Device<InterlockState, InterlockEvent> {
  /** Host-requested emergency stop. Taken in every lifecycle state that has a link. */
  stopAll(options?: CommandOptions): Promise<Reply>;
  /** Clears the latch; refused with `chainOpen` while the stop is pressed or the door open. */
  reset(options?: CommandOptions): Promise<Reply>;
}
