import type { Observable } from 'rxjs';
import type { CommandOptions, Device, Reply, Stamped } from './device.js';

export type GatingSource = 'ecg' | 'respiration';

export interface GatingState {
  ecgEnabled: boolean;
  ecgBeatsPerMinute: number;
  respirationEnabled: boolean;
  respirationBreathsPerMinute: number;
}

export type GatingEvent = Stamped & { type: 'trigger'; source: GatingSource };

/** A piece of waveform: `values` are mV (ECG) or mm (respiration), evenly spaced from `at`. */
export interface WaveformBlock extends Stamped {
  source: GatingSource;
  samplesPerSecond: number;
  values: Float32Array;
}

export interface Gating extends Device<GatingState, GatingEvent> {
  readonly waveform$: Observable<WaveformBlock>;
  /** Refusals: `noSignal`. */
  enable(args: { source: GatingSource }, options?: CommandOptions): Promise<Reply>;
  disable(args: { source: GatingSource }, options?: CommandOptions): Promise<Reply>;
}
