/** Films in queues, and those kept after they were printed: a record and a file of pixels each. */

import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import { TurnByKey } from '../archive/turn-by-key.js';
import { DurableFile } from '../dicom/dataset/durable-file.js';
import type { FilmImageBox } from '../dicom/film/film.js';
import type { FilmJobRecord, FilmOutline } from './film-job.js';
import type { FilmSheet } from './film-sheet.js';

export class FilmStore {
  readonly #folder: string;
  readonly #log: Log;
  readonly #records = new Map<string, FilmJobRecord>();
  readonly #turns = new TurnByKey();

  private constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Takes up what is on the disk; what a crash left half written is removed. @throws ScannerError data.disk */
  static async open(folder: string, log: Log): Promise<FilmStore> {
    const store = new FilmStore(folder, log);
    try {
      await mkdir(folder, { recursive: true });
      await store.#load();
    } catch (error) {
      throw asScannerError(error, 'data.disk', { path: folder });
    }
    return store;
  }

  /** In the order of their queues. */
  all(): FilmJobRecord[] {
    return [...this.#records.values()].sort((a, b) => a.place - b.place);
  }

  /** @throws ScannerError operator.unknown */
  get(jobId: string): FilmJobRecord {
    const record = this.#records.get(jobId);
    if (record) return record;
    const known = `${this.#records.size} others`;
    throw new ScannerError('operator.unknown', { what: 'film job', name: jobId, known });
  }

  /** Makes a new job durable, pixels first. @throws ScannerError data.disk */
  async add(record: Omit<FilmJobRecord, 'film' | 'place'>, sheet: FilmSheet): Promise<FilmJobRecord> {
    const file = await DurableFile.create(this.#pixels(record.jobId), { hash: false });
    try {
      for (const { pixels } of sheet.boxes) await file.write(pixels);
      await file.commit();
    } catch (error) {
      await file.discard();
      throw asScannerError(error, 'data.disk', { path: this.#folder });
    }
    const whole = { ...record, place: this.nextPlace(), film: outlineOf(sheet) };
    await this.#write(whole);
    return whole;
  }

  /** A place behind all others. */
  nextPlace(): number {
    return 1 + Math.max(0, ...[...this.#records.values()].map(({ place }) => place));
  }

  /** Resolves when the change cannot be lost any more. @throws ScannerError operator.unknown, data.disk */
  change(jobId: string, changes: Partial<FilmJobRecord>): Promise<FilmJobRecord> {
    return this.#turns.run(jobId, async () => {
      const record = { ...this.get(jobId), ...changes };
      await this.#write(record);
      return record;
    });
  }

  /** The sheet with its pixels. @throws ScannerError operator.unknown, data.truncated, data.disk */
  async sheet(jobId: string): Promise<FilmSheet> {
    const { film } = this.get(jobId);
    const path = this.#pixels(jobId);
    const bytes = await readFile(path).catch((error) => {
      throw new ScannerError('data.disk', { path, message: (error as Error).message }, error);
    });
    const boxes: FilmImageBox[] = [];
    let at = 0;
    for (const box of film.boxes) {
      const length = box.rows * box.columns * (film.color === 'color' ? 3 : 1) * (box.bitsStored > 8 ? 2 : 1);
      boxes.push({ ...box, pixels: bytes.subarray(at, at + length) });
      at += length;
    }
    if (at !== bytes.length) throw new ScannerError('data.truncated', { what: path, got: bytes.length, expected: at });
    return { ...film, boxes };
  }

  async remove(jobId: string): Promise<void> {
    this.#records.delete(jobId);
    await rm(this.#record(jobId), { force: true });
    await rm(this.#pixels(jobId), { force: true });
  }

  async #load(): Promise<void> {
    const names = await readdir(this.#folder);
    for (const name of names.filter((one) => one.endsWith('.part')))
      await rm(join(this.#folder, name), { force: true });
    for (const name of names.filter((one) => one.endsWith('.json'))) {
      try {
        const record = JSON.parse(await readFile(join(this.#folder, name), 'utf8')) as FilmJobRecord;
        this.#records.set(record.jobId, record);
      } catch (error) {
        this.#log.error(
          { name, error: asScannerError(error).message },
          'the record of a film cannot be read; left alone',
        );
      }
    }
    // pixels of a film whose record was not written any more: nobody was told that it is queued
    for (const name of names.filter((one) => one.endsWith('.pixels'))) {
      const record = `${name.slice(0, -'.pixels'.length)}.json`;
      if (!names.includes(record)) await rm(join(this.#folder, name), { force: true });
    }
  }

  async #write(record: FilmJobRecord): Promise<void> {
    const file = await DurableFile.create(this.#record(record.jobId), { hash: false });
    try {
      await file.write(Buffer.from(JSON.stringify(record)));
      await file.commit();
    } catch (error) {
      await file.discard();
      throw asScannerError(error, 'data.disk', { path: this.#record(record.jobId) });
    }
    this.#records.set(record.jobId, record);
  }

  #record(jobId: string): string {
    return join(this.#folder, `${jobId}.json`);
  }

  #pixels(jobId: string): string {
    return join(this.#folder, `${jobId}.pixels`);
  }
}

function outlineOf({ boxes, ...film }: FilmSheet): FilmOutline {
  return { ...film, boxes: boxes.map(({ pixels: _, ...box }) => box) };
}
