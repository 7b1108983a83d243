/** Records of the film queue machine, and the pure steps it takes on them. */

import { type Failure, failureOf, formerState, type Recovered } from './types.js';

/** One sheet on its way to a camera, which prints it once for each copy. */
export interface QueuedFilm {
  jobId: string;
  copies: number;
  /** Copies that the camera has accepted. */
  printed: number;
}

export interface QueueStop {
  /** The operator; the camera's status, or that it cannot be reached; a film that it refused; a film that may have been printed. */
  by: 'operator' | 'camera' | 'film' | 'doubt';
  message: string;
  jobId: string | null;
}

export interface FilmQueueInput {
  /** Name of the camera's node. */
  camera: string;
  /** Pause before a camera that cannot be reached is tried again, wall ms; doubles with each try. */
  firstPauseMs?: number;
  longestPauseMs?: number;
  /** So many tries one after the other, then the queue stops. */
  attemptLimit?: number;
  recovered?: Recovered<FilmQueueContext>;
}

export interface FilmQueueContext {
  camera: string;
  firstPauseMs: number;
  longestPauseMs: number;
  attemptLimit: number;
  /** In the order in which they are printed. */
  films: QueuedFilm[];
  /** Why it stands, or will after the film under way. */
  stop: QueueStop | null;
  attempts: number;
  error: Failure | null;
  recoveredFrom: string | null;
}

export interface InspectFilmsInput {
  camera: string;
}

/** What is on record of a camera's films: newer than the machine's own. */
export interface FilmVerdict {
  films: QueuedFilm[];
  /** A film that the camera was told to print, and whose answer never came. */
  doubtful: string | null;
}

export interface PrintFilmInput {
  camera: string;
  jobId: string;
}

/** Resolves when it is known what became of one copy, or that nobody knows; rejects when the camera was told nothing. */
export type PrintVerdict =
  | { kind: 'printed' }
  | { kind: 'refused'; message: string }
  /** The camera was told to print, and did not answer: the film may exist. */
  | { kind: 'doubtful'; message: string };

export type FilmQueueEvent =
  | { type: 'ADD'; film: QueuedFilm }
  | { type: 'REMOVE'; jobId: string }
  | { type: 'STOP' }
  | { type: 'CONTINUE' }
  /** The camera's status says that its queue is to stop. */
  | { type: 'CAMERA_STOPPED'; message: string };

export function startFilmQueue(input: FilmQueueInput): FilmQueueContext {
  const { recovered, camera, firstPauseMs = 1000, longestPauseMs = 60_000, attemptLimit = 5 } = input;
  const limits = { camera, firstPauseMs, longestPauseMs, attemptLimit };
  if (recovered) return { ...recovered.context, ...limits, attempts: 0, recoveredFrom: formerState(recovered) };
  return { ...limits, films: [], stop: null, attempts: 0, error: null, recoveredFrom: null };
}

export function withFilm(films: readonly QueuedFilm[], film: QueuedFilm): QueuedFilm[] {
  return [...films.filter(({ jobId }) => jobId !== film.jobId), film];
}

export function withoutFilm(films: readonly QueuedFilm[], jobId: string): QueuedFilm[] {
  return films.filter((film) => film.jobId !== jobId);
}

/** One copy of the first film is done; with its last copy the film leaves. */
export function withCopy([first, ...rest]: readonly QueuedFilm[]): QueuedFilm[] {
  if (!first) return [];
  const printed = first.printed + 1;
  return printed < first.copies ? [{ ...first, printed }, ...rest] : rest;
}

/** The stop that a broken camera is. */
export function unreachable({ films }: FilmQueueContext, thrown: unknown): QueueStop {
  return { by: 'camera', message: failureOf(thrown).message, jobId: films[0]?.jobId ?? null };
}
