import type { Observable } from 'rxjs';
import type { KiloElectronVolt, Second } from '../base/units.js';
import type { CommandOptions, Device, Reply, Stamped } from './device.js';

export const PET_RINGS = {
  blocksAround: 48,
  blocksAlong: 4,
  singlesBlocks: 192,
  energyWindowKeV: [435, 650],
  coincidenceWindowPs: 4062.5,
} as const;

export interface PetRingsState {
  phase: 'idle' | 'acquiring' | 'draining';
  frameId: number;
  elapsed: Second;
  singlesPerSecond: number;
  promptsPerSecond: number;
  delayedsPerSecond: number;
  lowerKeV: KiloElectronVolt;
  upperKeV: KiloElectronVolt;
  /** Blocks out of order. */
  blocksFailed: number;
  hottestBlockCelsius: number;
}

export type PetRingsEvent = Stamped &
  (
    | { type: 'frameStarted'; frameId: number }
    | { type: 'frameEnded'; frameId: number; reason: 'time' | 'host' | 'fault'; seconds: Second }
    /** All list-mode words of the frame are out. */
    | { type: 'drained'; frameId: number; words: number }
  );

/** Consecutive 32-bit list-mode words of one frame. */
export interface ListModeBlock {
  frameId: number;
  /** Index of the first word in the frame. */
  first: number;
  words: Uint32Array;
}

export interface PetRings extends Device<PetRingsState, PetRingsEvent> {
  readonly words$: Observable<ListModeBlock>;
  /** Refusals: `outOfRange`, `busy`. */
  setEnergyWindow(
    args: { lowerKeV: KiloElectronVolt; upperKeV: KiloElectronVolt },
    options?: CommandOptions,
  ): Promise<Reply>;
  start(args: { frameId: number; seconds: Second }, options?: CommandOptions): Promise<Reply>;
  stop(options?: CommandOptions): Promise<Reply>;
}
