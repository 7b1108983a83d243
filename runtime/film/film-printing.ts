/** One copy of a film at a camera, with what is on record before and after. */

import type { Clock } from '../../hal/base/clock.js';
import { asScannerError, type ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { FilmCamera, FilmPrinted } from '../../hal/contract/filmcamera.js';
import type { PrintVerdict } from '../../machines/film.types.js';
import type { Archive } from '../archive/archive.js';
import { type FilmJobRecord, isOver } from './film-job.js';
import type { FilmStore } from './film-store.js';

export interface PrintingParts {
  store: FilmStore;
  archive: Pick<Archive, 'putFacts'>;
  /** Wall. */
  clock: Clock;
  log: Log;
}

/**
 * Before the camera is told to print it is on record that it will be, afterwards that it answered: who finds the one without the
 * other knows that the film may exist, and never has it printed again by itself.
 * @throws ScannerError what kept the camera from being told anything; data.disk
 */
export async function printCopy(
  jobId: string,
  camera: FilmCamera,
  parts: PrintingParts,
  signal: AbortSignal,
): Promise<PrintVerdict> {
  const { store, log } = parts;
  const { printed, mediumType, filmDestination } = store.get(jobId);
  let asked = false;
  const beforePrint = async () => {
    await store.change(jobId, { asking: printed + 1, error: undefined });
    asked = true;
  };
  let answer: FilmPrinted;
  try {
    const sheet = await store.sheet(jobId);
    answer = await camera.print(sheet, { signal, mediumType, filmDestination, beforePrint });
  } catch (thrown) {
    return notPrinted(jobId, asScannerError(thrown), asked, store);
  }
  for (const warning of answer.warnings) log.warn({ jobId, warning }, 'the camera prints otherwise than asked');
  await accepted(jobId, answer.printJob, parts);
  return { kind: 'printed' };
}

/** A copy is at the camera, or a person says that it is. */
export async function accepted(jobId: string, printJob: string | undefined, parts: PrintingParts): Promise<void> {
  const { store, clock } = parts;
  const { printed, printJobs } = store.get(jobId);
  const jobs = printJob === undefined ? printJobs : [...printJobs, printJob];
  const record = await store.change(jobId, { printed: printed + 1, asking: 0, error: undefined, printJobs: jobs });
  if (isOver(record)) await store.change(jobId, { endedAt: clock.now() });
  await tellFilms(record, parts);
}

/** Puts films into the outbox of which it does not know yet. After a crash in here a film may be told twice, never not at all. */
export async function tellFilms(record: FilmJobRecord, { store, archive }: PrintingParts): Promise<void> {
  const { jobId, examId, mediumType, film, printed, told } = record;
  if (told >= printed) return;
  if (examId !== undefined) {
    const films = { count: printed - told, mediumType, filmSizeId: film.filmSize };
    await archive.putFacts({ type: 'film.printed', examId, films });
  }
  await store.change(jobId, { told: printed });
}

async function notPrinted(jobId: string, error: ScannerError, asked: boolean, store: FilmStore): Promise<PrintVerdict> {
  const refused = error.code === 'peer.status' || error.kind === 'data';
  if (refused && error.code !== 'data.disk') {
    await store.change(jobId, { asking: 0, error: error.message });
    return { kind: 'refused', message: error.message };
  }
  // the mark stays: it is what a restart finds
  if (asked) return { kind: 'doubtful', message: `It may have been printed, look: ${error.message}` };
  throw error;
}
