import type { Clock } from '../../hal/base/clock.js';
import type { Log } from '../../hal/base/log.js';
import type { Chain } from '../../hal/contract/chain.js';
import type { ScanRange } from '../protocol/plan.js';
import type { Acquisition, FrameRecord } from './acquisition.js';
import type { ChainLog } from './chainlog.js';

/** What every step of a range works with. `record` is filled in as the hardware reports. */
export interface StepContext<R extends ScanRange = ScanRange> {
  chain: Chain;
  events: ChainLog;
  clock: Clock;
  log: Log;
  range: R;
  landmarkMm: number;
  dosePhantom: 'HEAD' | 'BODY';
  /** Number of the CT scan or of the first PET frame of this range. */
  scanId: number;
  record: Acquisition;
  signal?: AbortSignal;
  /** Keeps a PET frame's data once all its words are in and notes it in the record: what is noted is not acquired again. */
  frameDone(frame: FrameRecord): Promise<void>;
  /** Fraction of the range done. */
  onProgress(fraction: number): void;
}

export type Step<R extends ScanRange> = (context: StepContext<R>) => Promise<void>;

/** The five steps in which a range is carried out; one such object a kind of range. */
export interface RangeSteps<R extends ScanRange> {
  position: Step<R>;
  prepare: Step<R>;
  arm: Step<R>;
  scan: Step<R>;
  drain: Step<R>;
}
