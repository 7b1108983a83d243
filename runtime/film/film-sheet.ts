import type { Film } from '../dicom/film/film.js';

/** What people and records know of a sheet; the pixels carry their texts themselves. */
export interface FilmAnnotations {
  /** `1 of 3` of the films composed together. */
  number: number;
  of: number;
  patientName: string;
  patientId: string;
  /** Studies that the images come from, each once. */
  studyInstanceUids: readonly string[];
  /** Images in the order of their positions. */
  sopInstanceUids: readonly string[];
}

/** One film ready for a camera: what the Print SCU sends of it and what the queue shows of it. */
export interface FilmSheet extends Film {
  annotations: FilmAnnotations;
}
