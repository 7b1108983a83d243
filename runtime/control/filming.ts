/** The film cameras of the configuration, their queues, and what the service's listeners are told of them. */

import { join } from 'node:path';
import type { Clock } from '../../hal/base/clock.js';
import type { Log } from '../../hal/base/log.js';
import type { Archive } from '../archive/archive.js';
import type { Config } from '../config.js';
import type { FilmChange } from '../film/film-changes.js';
import { FilmQueues } from '../film/film-queues.js';
import { camerasOf, titleFor } from '../nodes.js';
import type { ExamReport, ServiceEvent } from '../service/operations.js';

export interface FilmingOptions {
  config: Pick<Config, 'nodes' | 'aeTitle' | 'aeTitles' | 'data'>;
  archive: Archive;
  /** Who is told of what becomes of films, and knows which study is whose. */
  controller: { examReports(): ExamReport[]; events$: { next(event: ServiceEvent): void } };
  clock: Clock;
  log: Log;
}

/** Films consumed count for the examination that made the first study on them. @throws ScannerError data.disk */
export async function openFilmQueues({ config, archive, controller, clock, log }: FilmingOptions): Promise<FilmQueues> {
  const queues = await FilmQueues.start({
    folder: join(config.data, 'film'),
    cameras: camerasOf(config),
    callingAe: titleFor(config, 'print'),
    archive,
    examOf: (study) => controller.examReports().find(({ studyInstanceUid }) => studyInstanceUid === study)?.examId,
    clock,
    log,
  });
  queues.changes$.subscribe((change) => controller.events$.next(eventOf(change)));
  return queues;
}

function eventOf(change: FilmChange): ServiceEvent {
  if ('job' in change) {
    const { jobId, camera, state, printed, copies, error } = change.job;
    return { type: 'film', jobId, camera, state, printed, copies, reason: error };
  }
  const { camera, queue, waiting, stop, state } = change.camera;
  const { status, symbol, message } = state;
  return { type: 'camera', camera, queue, waiting, status, symbol, message, reason: stop?.message };
}
