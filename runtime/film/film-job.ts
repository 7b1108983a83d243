import type { Millisecond } from '../../hal/base/units.js';
import type { QueuedFilm } from '../../machines/film.types.js';
import type { FilmImageBox } from '../dicom/film/film.js';
import type { FilmSheet } from './film-sheet.js';

/** A sheet without its pixels, which stand in a file of their own. */
export type FilmOutline = Omit<FilmSheet, 'boxes'> & { boxes: readonly Omit<FilmImageBox, 'pixels'>[] };

/** One sheet in a camera's queue, as it is kept on the disk. */
export interface FilmJobRecord {
  jobId: string;
  camera: string;
  /** Wall ms since the epoch. */
  addedAt: Millisecond;
  endedAt?: Millisecond;
  /** Its place in the queue: those with lower numbers come first. */
  place: number;
  copies: number;
  /** Copies that the camera has accepted. */
  printed: number;
  /** The copy that the camera is being told to print; 0 while it is not, or has answered. */
  asking: number;
  /** Copies of which the outbox knows. */
  told: number;
  /** Why the camera did not take it. */
  error?: string;
  /** Of copies that the camera had accepted: what it said when it failed on them. */
  failures: string[];
  /** What the camera calls the jobs of its copies, where it says so. */
  printJobs: string[];
  /** The examination that pays for it. */
  examId?: string;
  mediumType: string;
  filmDestination: string;
  film: FilmOutline;
}

export type FilmJobState = 'waiting' | 'printing' | 'doubtful' | 'refused' | 'printed' | 'failed';

/** A job as people see it. */
export interface FilmJob {
  jobId: string;
  camera: string;
  /**
   * doubtful: the camera was told to print and did not answer; refused: it did not take it, and the queue stands; failed: it
   * had taken it, and reported a failure.
   */
  state: FilmJobState;
  addedAt: Millisecond;
  endedAt?: Millisecond;
  copies: number;
  printed: number;
  error?: string;
  mediumType: string;
  filmSize: string;
  color: FilmSheet['color'];
  displayFormat: string;
  examId?: string;
  patientName: string;
  patientId: string;
  /** `1 of 3` of the films made together. */
  sheet: string;
}

export interface FilmRequest {
  sheet: FilmSheet;
  /** Name of a camera; the default one when absent. */
  camera?: string;
  /** Default 1. */
  copies?: number;
  /** The camera's settings when absent. */
  mediumType?: string;
  filmDestination?: string;
  /** The one that made the first study on it when absent. */
  examId?: string;
}

/** All copies accepted. */
export function isOver({ printed, copies }: FilmJobRecord): boolean {
  return printed >= copies;
}

/** As the queue's machine knows it. */
export function queuedFilm({ jobId, copies, printed }: FilmJobRecord): QueuedFilm {
  return { jobId, copies, printed };
}

/** @param printing it is under way at the camera */
export function filmJobOf(record: FilmJobRecord, printing: boolean): FilmJob {
  const { jobId, camera, addedAt, endedAt, copies, printed, mediumType, examId, film, failures } = record;
  const error = record.error ?? failures.at(-1);
  const { filmSize, color, displayFormat, annotations } = film;
  const { patientName, patientId, number, of } = annotations;
  return {
    jobId,
    camera,
    state: stateOf(record, printing),
    addedAt,
    endedAt,
    copies,
    printed,
    error,
    mediumType,
    filmSize,
    color,
    displayFormat,
    examId,
    patientName,
    patientId,
    sheet: `${number} of ${of}`,
  };
}

function stateOf(record: FilmJobRecord, printing: boolean): FilmJobState {
  if (isOver(record)) return record.failures.length === 0 ? 'printed' : 'failed';
  if (printing) return 'printing';
  if (record.asking > 0) return 'doubtful';
  return record.error === undefined ? 'waiting' : 'refused';
}
