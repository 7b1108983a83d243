/** From raw data to stored series and previews: reconstruction and objects of one examination. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import type { Json } from '../../machines/types.js';
import { topogram } from '../../native/ct.js';
import type { Archive } from '../archive/archive.js';
import { text } from '../dicom/dataset/dataset.js';
import { makeUid } from '../dicom/dataset/uid.js';
import type { BuiltObject } from '../objects/instance.js';
import type { PetFrame } from '../objects/pet.js';
import type { SeriesObjects } from '../objects/series.js';
import type { CtRange, PetRange, ScanRange, TopogramRange } from '../protocol/plan.js';
import type { RawSet } from '../raw/rawset.js';
import { openCtRaw, readListmode } from '../raw/reader.js';
import { reconstructCtSeries, waterCalibration } from '../recon/ct.js';
import { type PetBed, reconstructPetSeries } from '../recon/pet.js';
import { loadPetCalibration } from '../recon/petcalibration.js';
import type { Volume } from '../recon/volume.js';
import { writePreviews } from './previews.js';
import {
  ctObjects,
  doseObjects,
  petObjects,
  protocolObjects,
  rawObjects,
  type SeriesContext,
  type Station,
  topogramObjects,
} from './products.js';
import { type ExamRecord, reconSeriesKey, topogramSeriesKey } from './record.js';
import type { Stopwatch } from './stopwatch.js';

export interface ImagingOptions {
  record: ExamRecord;
  archive: Archive;
  data: string;
  markSimulated: boolean;
  station: Station;
  clock: Clock;
  uidRoot?: string;
  stopwatch: Stopwatch;
  save(): Promise<void>;
  progress(stage: string, label: string, fraction: number): void;
}

/** Key of the series that holds a range's raw data. */
export function rawSeriesKey(rangeId: string): string {
  return `${rangeId}/raw`;
}

export class Imaging {
  readonly #options: ImagingOptions;
  #ct: { key: string; volume: Volume; kv: number; window: { center: number; width: number } } | undefined;
  #pet: Volume | undefined;
  /** The job's own progress; jobs run one at a time. */
  #told: (fraction: number) => void = () => {};

  constructor(options: ImagingOptions) {
    this.#options = options;
  }

  /** @throws ScannerError data.missing without raw data, native.*, data.disk, timeout.aborted */
  async reconstruct(range: ScanRange, told: (fraction: number) => void, signal: AbortSignal): Promise<Json> {
    this.#told = told;
    const { record, uidRoot } = this.#options;
    record.rawUids ??= {};
    record.rawUids[range.id] ??= this.#rawSets(range).map(() => makeUid(uidRoot));
    switch (range.kind) {
      case 'topogram':
        await this.#topogram(range, signal);
        break;
      case 'ct':
        await this.#ctSeries(range, signal);
        break;
      case 'pet':
        await this.#petSeries(range, signal);
        break;
    }
    await this.#rawSeries(range);
    return { range: range.id };
  }

  /** More series of a range whose raw data are in the archive. @throws as `reconstruct` */
  async again(range: CtRange | PetRange, told: (fraction: number) => void, signal: AbortSignal): Promise<void> {
    this.#told = told;
    if (range.kind === 'ct') await this.#ctSeries(range, signal);
    else await this.#petSeries(range, signal);
  }

  /** Protocol object and previews: what an examination has once whatever its ranges were. */
  async finish(): Promise<void> {
    const { record, data } = this.#options;
    await this.#store('protocol', '', (context) => protocolObjects(context));
    if (record.exposures.length > 0) await this.#store('dose', '', (context) => doseObjects(context));
    if (!this.#ct) return;
    const folder = join(data, 'previews', record.exam.id);
    await mkdir(folder, { recursive: true });
    record.previews = await writePreviews(folder, this.#ct, this.#pet);
  }

  async #topogram(range: TopogramRange, signal: AbortSignal): Promise<void> {
    const raw = await openCtRaw(this.#rawSets(range)[0]!);
    try {
      const readings = await raw.readings(0, raw.angles.length);
      const image = await this.#time('topogram image', range, (onProgress) =>
        topogram({ ...raw, readings }, { signal, onProgress }),
      );
      await this.#store(topogramSeriesKey(range.id), range.id, (context) => topogramObjects(context, range, image));
    } finally {
      await raw.close();
    }
  }

  async #ctSeries(range: CtRange, signal: AbortSignal): Promise<void> {
    const raw = await openCtRaw(this.#rawSets(range)[0]!);
    try {
      for (const recon of range.recons) {
        const slices = {
          fromZ: range.fromZ,
          toZ: range.toZ,
          thicknessMm: recon.thicknessMm,
          incrementMm: recon.incrementMm,
        };
        const job = { ...raw, ...recon, slices, calibration: waterCalibration(range.kv) };
        const series = await this.#time('CT images', range, (onProgress) =>
          reconstructCtSeries(job, { signal, onProgress }),
        );
        const key = reconSeriesKey(range.id, recon.label);
        this.#ct ??= { key, volume: series.volume, kv: range.kv, window: recon.window };
        await this.#store(key, range.id, (context) => ctObjects(context, range, recon, series.volume));
      }
    } finally {
      await raw.close();
    }
  }

  async #petSeries(range: PetRange, signal: AbortSignal): Promise<void> {
    const { record } = this.#options;
    const ct = await this.#attenuation(signal);
    const calibration = loadPetCalibration();
    const sets = this.#rawSets(range);
    const seriesStart = Math.min(...sets.map((set) => set.startedAt));
    const { halfLifeSeconds = Number.POSITIVE_INFINITY, positronFraction = 1 } = record.exam.injection ?? {};
    const numbers = [...new Set(sets.map((set) => set.frame))].sort((a, b) => a - b);
    for (const method of range.recons) {
      const frames: PetFrame[] = [];
      let corrections: readonly string[] = [];
      for (const frame of numbers) {
        const beds = await bedsOf(sets.filter((set) => set.frame === frame));
        const job = { method, beds, ct, calibration, halfLifeSeconds, positronFraction, seriesStart };
        const series = await this.#time('PET images', range, (onProgress) =>
          reconstructPetSeries(job, {
            signal,
            onProgress: (part) => onProgress((frames.length + part) / numbers.length),
          }),
        );
        frames.push({ volume: series.volume, frame });
        corrections = series.corrections;
      }
      this.#pet ??= frames[0]?.volume;
      const corrected = corrections.includes('ATTN');
      const attenuation = corrected ? record.series.find((known) => known.key === ct?.key)?.summary : undefined;
      const bqmlPerCount = corrected ? calibration.bqmlPerCount : 1;
      const rawFrames = sets.map((set) => set.frame);
      const { measuredAt } = calibration;
      const made = { frames, corrections, bqmlPerCount, measuredAt, ct: attenuation, rawFrames };
      await this.#store(reconSeriesKey(range.id, method.label), range.id, (context) =>
        petObjects(context, range, method, made),
      );
    }
  }

  /** The CT for attenuation: of this process, or made again from the raw data after a restart. */
  async #attenuation(signal: AbortSignal): Promise<{ key: string; volume: Volume; kv: number } | undefined> {
    const { record } = this.#options;
    const range = record.plan.ranges.find(
      (known): known is CtRange => known.kind === 'ct' && record.rawSets[known.id] !== undefined,
    );
    if (!this.#ct && range) await this.#ctSeries(range, signal);
    if (!this.#ct) record.notes.push('no CT: PET is not corrected for attenuation');
    return this.#ct;
  }

  async #rawSeries(range: ScanRange): Promise<void> {
    await this.#store(rawSeriesKey(range.id), range.id, (context) => rawObjects(context, range, this.#rawSets(range)));
  }

  #rawSets(range: ScanRange) {
    const sets = this.#options.record.rawSets[range.id];
    if (!sets?.length) throw new ScannerError('data.missing', { what: `raw data of ${range.label}` });
    return sets;
  }

  #time<T>(stage: string, range: ScanRange, work: (onProgress: (fraction: number) => void) => Promise<T>): Promise<T> {
    const { stopwatch, progress } = this.#options;
    return stopwatch.time(stage, () =>
      work((fraction) => {
        progress(stage, range.label, fraction);
        this.#told(fraction);
      }),
    );
  }

  /** Makes and stores a series once: instances that a former process stored, all or some, are taken from the archive. */
  async #store(key: string, rangeId: string, build: (context: SeriesContext) => SeriesObjects): Promise<void> {
    const { record, archive, save, stopwatch } = this.#options;
    if (record.series.some((known) => known.key === key)) return;
    const number = Object.keys(record.seriesUids).length + 1;
    const series = (record.seriesUids[key] ??= { uid: makeUid(this.#options.uidRoot), number });
    for (const i of record.exposures.keys()) (record.eventUids ??= [])[i] ??= makeUid(this.#options.uidRoot);
    await save();
    await stopwatch.time('storing', async () => {
      const stored = await archive.instances({ seriesInstanceUid: series.uid });
      const { exam, plan, acquisitions, rawUids = {} } = record;
      const known = { events: eventsOf(record), topogram: topogramOf(record), rawUids };
      const built = build({ ...this.#options, ...known, exam, plan, acquisitions, series });
      const kept = new Map(stored.map((instance) => [instance.instanceNumber, instance]));
      const instances = built.summary.instances.map((made, index) => referenceOf(kept.get(String(index + 1)) ?? made));
      const summary = { ...built.summary, instances };
      const { id: examId } = record.exam;
      await archive.store(lacking(built.objects, kept), [{ type: 'series.complete', examId, series: summary }]);
      record.series.push({ key, rangeId, summary });
      await save();
    });
  }
}

function eventsOf({ exposures, eventUids = [] }: ExamRecord) {
  return exposures.map((made, i) => ({ ...made, uid: eventUids[i]! }));
}

/** The localizer that was made of the plan's first topogram. */
function topogramOf({ plan, series }: ExamRecord) {
  const range = plan.ranges.find(({ kind }) => kind === 'topogram');
  const made = range && series.find(({ key }) => key === topogramSeriesKey(range.id));
  return made?.summary.instances[0];
}

/** The objects of a series whose numbers do not stand in the archive. */
function* lacking(objects: Iterable<BuiltObject>, kept: ReadonlyMap<string, unknown>): Generator<BuiltObject> {
  for (const object of objects) if (!kept.has(text(object.dataset, 'InstanceNumber') ?? '')) yield object;
}

function referenceOf({ sopClassUid, sopInstanceUid }: { sopClassUid: string; sopInstanceUid: string }) {
  return { sopClassUid, sopInstanceUid };
}

async function bedsOf(sets: readonly RawSet[]): Promise<PetBed[]> {
  const beds: PetBed[] = [];
  for (const set of sets) {
    const { startedAt, seconds, part: frame } = set;
    beds.push({ words: await readListmode(set), centreZ: set.listmode?.centreZ ?? 0, startedAt, seconds, frame });
  }
  return beds;
}
