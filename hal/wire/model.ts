/** What a device's firmware supplies to stand behind a `DeviceNode`. */

import type { Dictionary } from './dictionary.js';
import type { WireRecord, WireValue } from './values.js';

export type ModelReply = { kind: 'accepted' } | { kind: 'refused'; reason: string; detail: string };

/** Where a model says what happened. Instants are device time, us since boot; the present one when absent. */
export interface ModelOutlet {
  /** Pushes the state first when it changed, then the event. Delivered in order and again if a frame is lost. */
  event(name: string, fields: WireRecord, timeUs?: bigint): void;
  emergency(name: string, detail: string, timeUs?: bigint): void;
  /** The state changed; it is pushed now. What changes by itself (a position) is pushed periodically anyway. */
  stateChanged(): void;
  /** The model has restarted: session, answers and unsent events are forgotten, lifecycle is inactive. Call it once `bootId` is new. */
  rebooted(): void;
}

export interface ModelIdentity {
  readonly model: string;
  readonly serial: string;
  readonly firmware: string;
}

export interface DeviceModel {
  readonly dictionary: Dictionary;
  readonly identity: ModelIdentity;
  /** u32, another one after each boot. */
  readonly bootId: number;
  /** TCP port of the bulk data, 0 when there is none or it goes another way. */
  readonly bulkPort: number;
  /** Microseconds since boot on the device's own clock. */
  deviceTimeUs(): bigint;
  /** All state fields of the dictionary, at one instant. Floats go out unchecked, as a broken sensor's would. */
  readState(): WireRecord;
  /** An object of the device's own that is not state. */
  read(name: string): WireValue;
  write(name: string, value: WireValue): ModelReply;
  /** Arguments are of the dictionary's types and ranges already; the lifecycle was checked. */
  command(name: string, args: WireRecord): ModelReply | Promise<ModelReply>;
  /** The host made the device active or inactive. */
  lifecycleChanged(active: boolean): void;
  /** Wall milliseconds since the host's last frame, at least every 20 ms; Infinity before the first frame after boot. */
  hostSilent(silentMs: number): void;
  /** Called once by the node. */
  attach(outlet: ModelOutlet): void;
}
