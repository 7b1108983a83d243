/** Raw data reconstructed again, another way: a further series of an examination that has ended. */

import type { Clock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Second } from '../../hal/base/units.js';
import type { Archive } from '../archive/archive.js';
import { TurnByKey } from '../archive/turn-by-key.js';
import { checkPlan } from '../protocol/check.js';
import { ctReconSchema } from '../protocol/definition.js';
import { petMethod, petReconSchema } from '../protocol/petrecon.js';
import type { CtRange, PetRange, ScanRange } from '../protocol/plan.js';
import type { RawSet } from '../raw/rawset.js';
import { storedVolumes } from '../recon/stored-volume.js';
import { compareWithTruth, type KnownPatient } from '../recon/truth.js';
import type {
  RawReport,
  Replaying,
  ReplayReport,
  ReplayRequest,
  SeriesTruth,
  TruthRequest,
} from '../service/recon-methods.js';
import { placeOfRaw, rawOf } from './archived-raw.js';
import { Imaging } from './imaging.js';
import type { Station } from './products.js';
import { EXAM_STATES, type ExamRecord, reconSeriesKey } from './record.js';
import { reframed } from './reframing.js';
import { Stopwatch } from './stopwatch.js';

export interface ReplaysOptions {
  /** As they are kept; a series that is made is noted in them. */
  records(): readonly ExamRecord[] | Promise<readonly ExamRecord[]>;
  archive: Archive;
  config: { data: string; markSimulated: boolean; uidRoot?: string; phantom: string; activityScale: number } & Station;
  clock: Clock;
  /** What a simulated patient is made of. @throws ScannerError operator.unknown, config.invalid */
  simulatedPatient(name: string, activityScale: number): KnownPatient;
}

type Again = CtRange | PetRange;

export class Replays implements Replaying {
  readonly #options: ReplaysOptions;
  /** One at a time: each takes all cores and much memory. */
  readonly #turns = new TurnByKey();

  constructor(options: ReplaysOptions) {
    this.#options = options;
  }

  async raw(): Promise<RawReport[]> {
    const { archive } = this.#options;
    const reports: RawReport[] = [];
    for (const record of await this.#options.records()) {
      for (const range of record.plan.ranges) {
        if (record.rawSets[range.id] === undefined) continue;
        reports.push(reportOf(record, range, await placeOfRaw(record, range.id, archive)));
      }
    }
    return reports;
  }

  reconstruct(
    request: ReplayRequest,
    tell: (stage: string, label: string, fraction: number) => void,
    signal: AbortSignal,
  ): Promise<ReplayReport> {
    return this.#turns.run('replay', () => this.#reconstruct(request, tell, signal));
  }

  compare(request: TruthRequest, signal: AbortSignal): Promise<SeriesTruth[]> {
    return this.#turns.run('replay', () => this.#compare(request, signal));
  }

  async #compare({ examId, rangeId, series, phantom }: TruthRequest, signal: AbortSignal): Promise<SeriesTruth[]> {
    const { archive, config, simulatedPatient } = this.#options;
    const record = ended(await this.#options.records(), examId);
    const patient = simulatedPatient(phantom ?? config.phantom, config.activityScale);
    const factor = decayBefore(record, rangeId);
    const found: SeriesTruth[] = [];
    for (const { summary } of petSeries(record, rangeId, series)) {
      const { seriesInstanceUid, description } = summary;
      const instances = await archive.instances({ seriesInstanceUid });
      for (const [frame, volume] of (await storedVolumes(instances.map(({ file }) => file))).entries()) {
        // of all of them those that can be compared; a series that was named must be one
        if (!series && volume.unit !== 'BQML') continue;
        found.push({ series: description, frame, ...(await compareWithTruth(volume, patient, factor, signal)) });
      }
    }
    return found;
  }

  async #reconstruct(
    request: ReplayRequest,
    tell: (stage: string, label: string, fraction: number) => void,
    signal: AbortSignal,
  ): Promise<ReplayReport> {
    const { archive, config, clock } = this.#options;
    const record = ended(await this.#options.records(), request.examId);
    const range = planned(record, request);
    checkPlan({ ...record.plan, ranges: [range] }, { landmarkMm: record.exam.landmarkMm, anodeHeat: 0 });
    const { working, again } = await this.#working(record, range, request.frames, signal);
    const stopwatch = new Stopwatch(clock, working.stages);
    const imaging = new Imaging({
      ...{ record: working, archive, clock, stopwatch, station: config, progress: tell },
      ...{ data: config.data, markSimulated: config.markSimulated, uidRoot: config.uidRoot },
      save: () => archive.saveState(EXAM_STATES, record.exam.id, record),
    });
    await imaging.again(again, () => {}, signal);
    const key = reconSeriesKey(range.id, range.recons[0]!.label);
    const { summary } = record.series.find((made) => made.key === key)!;
    return {
      ...{ examId: record.exam.id, rangeId: range.id, studyInstanceUid: record.exam.studyInstanceUid },
      ...{ seriesInstanceUid: summary.seriesInstanceUid, modality: summary.modality },
      ...{ description: summary.description, count: summary.instances.length },
      ...{ notes: working.notes, stages: working.stages },
    };
  }

  /** The record with raw data where they are now, and the one reconstruction that is asked for. What is stored is noted in `record`. */
  async #working(record: ExamRecord, range: Again, frames: readonly Second[] | undefined, signal: AbortSignal) {
    const { archive } = this.#options;
    const ranges = record.plan.ranges.map((known) => (known.id === range.id ? range : known));
    const rawSets: Record<string, RawSet[]> = { [range.id]: await rawOf(record, range.id, archive, signal) };
    // PET takes its attenuation from the first CT that has raw data
    const ct = range.kind === 'pet' ? ranges.find(({ id, kind }) => kind === 'ct' && record.rawSets[id]) : undefined;
    if (ct) rawSets[ct.id] = await rawOf(record, ct.id, archive, signal);
    const plan = { ...record.plan, ranges };
    const working: ExamRecord = { ...record, plan, rawSets, stages: [], notes: [] };
    if (!frames || range.kind !== 'pet') return { working, again: range };
    const framed = await reframed(working, range, frames);
    return { working: framed.working, again: framed.again };
  }
}

function ended(records: readonly ExamRecord[], examId: string): ExamRecord {
  const record = records.find(({ exam }) => exam.id === examId);
  if (!record) {
    const known = records.map(({ exam }) => exam.id).join(', ') || 'none';
    throw new ScannerError('operator.unknown', { what: 'examination', name: examId, known });
  }
  if (record.closed) return record;
  const expected = 'completed or discontinued, its objects delivered';
  throw new ScannerError('operator.state', { command: 'recon', state: record.phase, expected });
}

/** The range with the reconstruction asked for as its only one: its first one, changed. */
function planned(record: ExamRecord, { rangeId, label, changes = {}, frames }: ReplayRequest): Again {
  const range = record.plan.ranges.find(({ id }) => id === rangeId);
  if (!range || range.kind === 'topogram') {
    const known = record.plan.ranges.filter(({ kind }) => kind !== 'topogram').map(({ id }) => id);
    throw new ScannerError('operator.unknown', { what: 'CT or PET range', name: rangeId, known: known.join(', ') });
  }
  if (frames && range.kind !== 'pet') throw new ScannerError('operator.usage', { message: 'only PET has frames' });
  const base = range.recons[0]!;
  const wanted = { ...base, ...changes, label: label ?? freeLabel(record, rangeId, base.label) };
  const kept = Object.fromEntries(Object.entries(wanted).filter(([, value]) => value !== null));
  if (record.series.some(({ key }) => key === reconSeriesKey(rangeId, wanted.label))) {
    throw new ScannerError('operator.usage', {
      message: `the range has a series '${wanted.label}': give another label`,
    });
  }
  return range.kind === 'ct'
    ? { ...range, recons: [parsed(ctReconSchema.safeParse(kept))] }
    : { ...range, recons: [parsed(petReconSchema.safeParse(fitting(kept)))] };
}

/** Without what the method asked for does not have. */
function fitting({ iterations, subsets, ...kept }: Record<string, unknown>): Record<string, unknown> {
  const known = petReconSchema.shape.method.safeParse(kept.method);
  return known.success && petMethod(known.data).algorithm !== 'osem' ? kept : { iterations, subsets, ...kept };
}

interface Parsed<T> {
  success: boolean;
  data?: T;
  error?: { issues: readonly { path: readonly PropertyKey[]; message: string }[] };
}

function parsed<T>({ data, error }: Parsed<T>): T {
  if (data !== undefined) return data;
  const issue = error?.issues[0];
  throw new ScannerError('operator.usage', {
    message: `${issue?.path.join('.') || 'reconstruction'}: ${issue?.message}`,
  });
}

/** Activity at the start of a range's series beside that at the start of the examination, which the simulated patient has. */
function decayBefore({ exam, acquisitions }: ExamRecord, rangeId: string): number {
  const { frames = [], kind } = acquisitions[rangeId] ?? {};
  if (kind !== 'pet') throw new ScannerError('operator.usage', { message: `range ${rangeId} has no PET images` });
  const seconds = (Math.min(...frames.map(({ startedAt }) => startedAt)) - exam.startedAt) / 1000;
  return exam.injection ? 2 ** (-seconds / exam.injection.halfLifeSeconds) : 1;
}

function petSeries({ series }: ExamRecord, rangeId: string, wanted: readonly string[] | undefined) {
  const made = series.filter((one) => one.rangeId === rangeId && one.summary.modality === 'PT' && isImages(one.key));
  const missing = wanted?.find((name) => !made.some(({ summary }) => summary.description === name));
  if (missing !== undefined) {
    const known = made.map(({ summary }) => summary.description).join(', ') || 'none';
    throw new ScannerError('operator.unknown', { what: 'PET series', name: missing, known });
  }
  return made.filter(({ summary }) => wanted?.includes(summary.description) ?? true);
}

const isImages = (key: string) => !key.endsWith('/raw');

function freeLabel({ series }: ExamRecord, rangeId: string, label: string): string {
  for (let number = 2; ; number++) {
    const ending = ` (${number})`;
    const name = label.slice(0, 64 - ending.length) + ending;
    if (!series.some(({ key }) => key === reconSeriesKey(rangeId, name))) return name;
  }
}

function reportOf(record: ExamRecord, range: ScanRange, place: RawReport['place']): RawReport {
  const sets = record.rawSets[range.id]!;
  const { exam } = record;
  const sum = (of: (set: RawSet) => number | undefined) => sets.reduce((all, set) => all + (of(set) ?? 0), 0);
  return {
    ...{ examId: exam.id, patientName: exam.patient.name, startedAt: new Date(exam.startedAt).toISOString() },
    ...{ rangeId: range.id, kind: range.kind, label: range.label, place },
    beds: new Set(sets.map(({ bed }) => bed)).size,
    frames: new Set(sets.map(({ frame }) => frame)).size,
    seconds: sum(({ seconds }) => seconds),
    bytes: sum(({ bytes }) => bytes),
    readings: sum(({ ct }) => ct?.readings),
    prompts: sum(({ listmode }) => listmode?.prompts),
    series: record.series
      .filter(({ key, rangeId }) => rangeId === range.id && isImages(key))
      .map(({ summary }) => summary.description),
  };
}
