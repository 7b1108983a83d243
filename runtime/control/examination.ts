/** One examination as the machines' tasks see it: hardware steps, raw data, images, and what is announced. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Chain } from '../../hal/contract/chain.js';
import type { HardwareVerdict, RangeInput } from '../../machines/acquisition.types.js';
import type { AnnounceEndInput, ExamVerdict } from '../../machines/exam.types.js';
import type { AcquisitionTasks, ExamTasks } from '../../machines/tasks.js';
import type { Json } from '../../machines/types.js';
import type { Acquisition, FrameRecord } from '../acquire/acquisition.js';
import { RangeRunner, type StepName } from '../acquire/runner.js';
import type { Archive } from '../archive/archive.js';
import { checkPlan } from '../protocol/check.js';
import type { ScanRange } from '../protocol/plan.js';
import { RawRecorder } from '../raw/recorder.js';
import type { ServiceEvent } from '../service/operations.js';
import { DoseWatch } from './dosewatch.js';
import { Imaging, rawSeriesKey } from './imaging.js';
import type { Station } from './products.js';
import { EXAM_STATES, type ExamRecord } from './record.js';
import { doseOf } from './report.js';
import { Stopwatch } from './stopwatch.js';

export interface ExaminationOptions {
  record: ExamRecord;
  chain: Chain;
  archive: Archive;
  clock: Clock;
  log: Log;
  data: string;
  markSimulated: boolean;
  station: Station & { aeTitle: string };
  uidRoot?: string;
  tell(event: ServiceEvent): void;
}

const STAGE_OF_KIND: Record<ScanRange['kind'], string> = { topogram: 'topogram', ct: 'CT scan', pet: 'PET scan' };

/** Where the hardware has to be for a range to go on after a restart: nothing radiates, nothing moves. */
function hardwareIsIdle(chain: Chain): boolean {
  return !chain.generator.state.beamOn && chain.generator.state.phase !== 'armed' && !chain.table.state.moving;
}

export class Examination implements AcquisitionTasks, ExamTasks {
  readonly #options: ExaminationOptions;
  readonly #runner: RangeRunner;
  readonly #stopwatch: Stopwatch;
  readonly #imaging: Imaging;
  #recorder: RawRecorder | undefined;
  #dose: DoseWatch | undefined;

  constructor(options: ExaminationOptions) {
    this.#options = options;
    const { record, chain, clock, log } = options;
    this.#stopwatch = new Stopwatch(clock, record.stages);
    this.#imaging = new Imaging({
      ...options,
      stopwatch: this.#stopwatch,
      save: () => this.save(),
      progress: this.#progress,
    });
    this.#runner = new RangeRunner({
      chain,
      clock,
      log,
      plan: record.plan,
      examId: record.exam.id,
      landmarkMm: record.exam.landmarkMm,
      firstScanId: record.firstScanId,
      records: record.acquisitions,
      frameDone: (acquisition, frame) => this.#keepFrame(acquisition, frame),
      onProgress: (rangeId, fraction) =>
        this.#progress(STAGE_OF_KIND[this.#range(rangeId).kind], this.#range(rangeId).label, fraction),
    });
  }

  get record(): ExamRecord {
    return this.#options.record;
  }

  get #rawFolder(): string {
    return join(this.#options.data, 'raw', this.record.exam.id);
  }

  /** Keeps the record: a restarted controller finds it. */
  async save(): Promise<void> {
    await this.#options.archive.saveState(EXAM_STATES, this.record.exam.id, this.record);
  }

  /** Scanner at rest and raw files closed. */
  async close(): Promise<void> {
    this.#runner.close();
    this.#dose?.close();
    await this.#recorder?.close();
  }

  /** Removes the raw files once the archive holds all of them as objects. */
  async discardRaw(): Promise<void> {
    const { record } = this;
    const kept = new Set(record.series.map((series) => series.key));
    const ranges = Object.keys(record.rawSets);
    if (ranges.length === 0 || !ranges.every((id) => kept.has(rawSeriesKey(id)))) return;
    await rm(this.#rawFolder, { recursive: true, force: true });
  }

  readonly inspectHardware = async (): Promise<HardwareVerdict> => {
    const { chain } = this.#options;
    const lost = Object.values(chain).find((device) => 'lifecycle' in device && device.lifecycle !== 'active');
    if (lost) return { decision: 'makeSafe', reason: `${lost.name} is ${lost.lifecycle}` };
    if (hardwareIsIdle(chain)) return { decision: 'resume', reason: 'beam off, table at rest' };
    return { decision: 'makeSafe', reason: 'the scanner was at work' };
  };

  readonly checkRange = async ({ rangeId }: RangeInput): Promise<Json> => {
    const { chain, record } = this.#options;
    const range = this.#range(rangeId);
    const anodeHeat = chain.generator.state.anodeHeat;
    checkPlan({ ...record.plan, ranges: [range] }, { landmarkMm: record.exam.landmarkMm, anodeHeat });
    if (!chain.interlock.state.motionPermit)
      throw new ScannerError('interlock.open', { reason: 'motion is not permitted' });
    if (range.kind !== 'pet' && !chain.interlock.state.beamPermit) {
      throw new ScannerError('interlock.open', { reason: 'X-ray is not permitted: door or emergency stop' });
    }
    return { label: range.label };
  };

  readonly positionRange = async (input: RangeInput, signal: AbortSignal): Promise<Json> => {
    if (input.kind !== 'pet' || input.attempt === 1) delete this.record.acquisitions[input.rangeId];
    this.#recorder ??= await this.#openRecorder();
    this.#dose ??= new DoseWatch(this.record, this.#options.chain.generator, this.#saveSoon);
    this.#dose.follow(input.rangeId);
    return this.#step('position', input, signal);
  };

  readonly prepareRange = (input: RangeInput, signal: AbortSignal): Promise<Json> =>
    this.#step('prepare', input, signal);
  readonly armRange = (input: RangeInput, signal: AbortSignal): Promise<Json> => this.#step('arm', input, signal);
  readonly scanRange = (input: RangeInput, signal: AbortSignal): Promise<Json> => this.#step('scan', input, signal);

  readonly drainRange = async (input: RangeInput, signal: AbortSignal): Promise<Json> => {
    const summary = await this.#step('drain', input, signal);
    const range = this.#range(input.rangeId);
    const acquisition = this.record.acquisitions[input.rangeId]!;
    if (range.kind !== 'pet') this.record.rawSets[range.id] = [await this.#recorder!.finishCt(acquisition, range)];
    await this.save();
    return summary;
  };

  readonly makeSafe = async (): Promise<Json> => {
    const failures = await this.#runner.makeSafe();
    return { unreached: failures.map(({ device }) => device) };
  };

  readonly announceStart = async (): Promise<Json> => {
    const { archive } = this.#options;
    const known = await archive.loadState<{ announced: boolean }>('exam-start', this.record.exam.id);
    // of an emergency patient as well: whoever tells the RIS holds it back until the user asks (3.7.1.1)
    if (!known) await archive.putFacts({ type: 'exam.started', exam: this.record.exam });
    await archive.saveState('exam-start', this.record.exam.id, { announced: true });
    return null;
  };

  /** Images and raw-data objects of one range, stored. May be called again after a restart: what was stored is not made twice. */
  reconstruct(rangeId: string, progress: (fraction: number) => void, signal: AbortSignal): Promise<Json> {
    return this.#imaging.reconstruct(this.#range(rangeId), progress, signal);
  }

  readonly storeResults = async (): Promise<Json> => {
    await this.#stopwatch.time('previews', () => this.#imaging.finish());
    await this.save();
    return { series: this.record.series.length };
  };

  readonly announceEnd = async (input: AnnounceEndInput): Promise<Json> => {
    const { archive, clock } = this.#options;
    const { record } = this;
    if (!record.outcome) {
      record.outcome = input.status;
      record.reason = input.error?.message;
      record.exam.endedAt = clock.now();
      // the record with its outcome stands before the fact: a crash in between announces again, and the fact's consumer is idempotent
      await this.save();
      const series = record.series.map(({ summary }) => summary);
      const reason = record.reason ?? '';
      await archive.putFacts({
        type: 'exam.ended',
        exam: record.exam,
        outcome: input.status,
        reason,
        series,
        dose: doseOf(record),
      });
      await archive.saveState('exam-end', record.exam.id, { announced: true });
    }
    return { status: input.status };
  };

  readonly inspectExam = async (): Promise<ExamVerdict> => {
    const { archive } = this.#options;
    const id = this.record.exam.id;
    const started = (await archive.loadState('exam-start', id)) !== undefined;
    const ended = (await archive.loadState('exam-end', id)) !== undefined;
    if (!ended) this.record.outcome = undefined;
    return { decision: 'resume', started, ended };
  };

  /** An examination whose machines left no record: it is told as ended if it was told as started. */
  async endAfterCrash(): Promise<void> {
    const { started, ended } = await this.inspectExam();
    this.record.phase = this.record.outcome === 'COMPLETED' ? 'completed' : 'discontinued';
    if (ended || !started) return;
    this.record.phase = 'discontinued';
    await this.announceEnd({
      examId: this.record.exam.id,
      status: 'DISCONTINUED',
      started,
      completed: [],
      results: [],
      error: null,
    });
  }

  async #step(step: StepName, input: RangeInput, signal: AbortSignal): Promise<Json> {
    const range = this.#range(input.rangeId);
    await this.#stopwatch.time(STAGE_OF_KIND[range.kind], () =>
      this.#runner.perform(step, range.id, input.attempt, signal),
    );
    return null;
  }

  async #keepFrame(acquisition: Acquisition, frame: FrameRecord): Promise<void> {
    const { rangeId } = acquisition;
    const set = await this.#recorder!.finishFrame(acquisition, frame);
    acquisition.frames.push(frame);
    this.record.rawSets[rangeId] = [...(this.record.rawSets[rangeId] ?? []), set];
    await this.save();
  }

  async #openRecorder(): Promise<RawRecorder> {
    const { chain, clock, record } = this.#options;
    const { landmarkMm, injection } = record.exam;
    return RawRecorder.open({ folder: this.#rawFolder, chain, clock, landmarkMm, injection });
  }

  #range(rangeId: string): ScanRange {
    const range = this.record.plan.ranges.find(({ id }) => id === rangeId);
    if (!range)
      throw new ScannerError('bug.contract', { message: `no range ${rangeId} in exam ${this.record.exam.id}` });
    return range;
  }

  readonly #saveSoon = (): void => {
    const { log } = this.#options;
    this.save().catch((error: Error) => log.error({ message: error.message }, 'exposure not kept'));
  };

  readonly #progress = (stage: string, label: string, fraction: number): void => {
    this.#options.tell({ type: 'progress', examId: this.record.exam.id, stage, label, fraction });
  };
}
