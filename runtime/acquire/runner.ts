/** Carries out ranges on the chain. The acquisition machine decides when; this knows how. */

import type { Clock } from '../../hal/base/clock.js';
import { asScannerError, type ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Chain } from '../../hal/contract/chain.js';
import { needs } from '../../machines/hazards.js';
import type { RangeRef } from '../../machines/types.js';
import { MAX_RANGES, type ScanPlan, type ScanRange } from '../protocol/plan.js';
import type { Acquisition, FrameRecord } from './acquisition.js';
import { ChainLog } from './chainlog.js';
import { FRAMES_PER_BED, petSteps } from './pet.js';
import type { RangeSteps, StepContext } from './step.js';
import { xraySteps } from './xray.js';

export const STEP_NAMES = ['position', 'prepare', 'arm', 'scan', 'drain'] as const;
export type StepName = (typeof STEP_NAMES)[number];

const STEPS: { [K in ScanRange['kind']]: RangeSteps<Extract<ScanRange, { kind: K }>> } = {
  topogram: xraySteps,
  ct: xraySteps,
  pet: petSteps,
};

export interface RunnerOptions {
  chain: Chain;
  clock: Clock;
  log: Log;
  plan: ScanPlan;
  examId: string;
  landmarkMm: number;
  /** First scan number; every range and attempt gets a block of numbers above it. */
  firstScanId: number;
  /** What earlier goes have acquired already, by range. */
  records: Record<string, Acquisition>;
  frameDone(record: Acquisition, frame: FrameRecord): Promise<void>;
  onProgress(rangeId: string, fraction: number): void;
}

/** Scan numbers that one range may use: one for CT, one a bed and frame for PET. */
const IDS_PER_RANGE = 100 * FRAMES_PER_BED;
const IDS_PER_ATTEMPT = MAX_RANGES * IDS_PER_RANGE;
/** Scan numbers that one examination may use: ten attempts of its longest plan. */
export const IDS_PER_EXAM = 10 * IDS_PER_ATTEMPT;

/** A range as the machines know it. */
export function rangeRef(range: ScanRange): RangeRef {
  return { id: range.id, kind: range.kind, gated: range.kind === 'pet' && range.gating !== 'none' };
}

export class RangeRunner {
  readonly #options: RunnerOptions;
  /** Listens from the first step on: an examination that only stands in the list hears nothing. */
  #events: ChainLog | undefined;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** @throws ScannerError what kept the step from its end */
  async perform(step: StepName, rangeId: string, attempt = 1, signal?: AbortSignal): Promise<void> {
    const context = this.#context(rangeId, attempt, signal);
    const { range } = context;
    const ref = rangeRef(range);
    if (step === 'position') context.events.begin((device) => needs(ref, device));
    const steps = STEPS[range.kind] as RangeSteps<ScanRange>;
    await steps[step](context);
    context.record.endedAt = this.#options.clock.now();
    if (step === 'drain') this.#options.onProgress(rangeId, 1);
  }

  /**
   * Beam off, table halted, detector and rings stopped. Asks every device whatever the others answer.
   * @returns what could not be asked: the hardware's own watchdog acts on those
   */
  async makeSafe(): Promise<{ device: string; error: ScannerError }[]> {
    const { chain, log } = this.#options;
    const asks: [string, () => Promise<unknown>][] = [
      ['generator', () => chain.generator.beamOff()],
      ['table', () => chain.table.halt()],
      ['ctdetector', () => chain.ctdetector.disarm()],
      ['petrings', () => chain.petrings.stop()],
    ];
    const failures: { device: string; error: ScannerError }[] = [];
    await Promise.all(
      asks.map(async ([device, ask]) => {
        try {
          await ask();
        } catch (thrown) {
          const error = asScannerError(thrown);
          failures.push({ device, error });
          log.error({ device, error: error.toJSON() }, 'could not be made safe by the host');
        }
      }),
    );
    return failures;
  }

  close(): void {
    this.#events?.close();
    this.#events = undefined;
  }

  #context(rangeId: string, attempt: number, signal?: AbortSignal): StepContext {
    const { chain, clock, log, plan, examId, landmarkMm, firstScanId, records, frameDone, onProgress } = this.#options;
    const index = plan.ranges.findIndex((range) => range.id === rangeId);
    const range = plan.ranges[index]!;
    let record = records[rangeId];
    if (!record) {
      const now = clock.now();
      record = { examId, rangeId, kind: range.kind, startedAt: now, endedAt: now, frames: [], deviations: [] };
      records[rangeId] = record;
    }
    const kept = record;
    return {
      chain,
      events: (this.#events ??= new ChainLog(chain, clock)),
      clock,
      log,
      range,
      landmarkMm,
      dosePhantom: plan.dosePhantom,
      scanId: firstScanId + (attempt - 1) * IDS_PER_ATTEMPT + index * IDS_PER_RANGE,
      record: kept,
      frameDone: (frame) => frameDone(kept, frame),
      signal,
      onProgress: (fraction) => onProgress(rangeId, fraction),
    };
  }
}
