/** Methods of the service socket for film cameras and the films in their queues. */

import { z } from 'zod';
import type { FilmCameraState } from '../../hal/contract/filmcamera.js';
import type { FilmJob } from '../film/film-job.js';
import type { CameraReport } from '../film/film-queue.js';
import { type MethodTable, method } from './rpc.js';

/** What these methods need done. All throw ScannerError operator.unknown for a name that nothing has. */
export interface Filming {
  cameras(): CameraReport[];
  /** Asks the camera now. @throws ScannerError peer.* */
  refresh(camera: string): Promise<FilmCameraState>;
  jobs(camera?: string): FilmJob[];
  job(jobId: string): FilmJob;
  stop(camera: string): void;
  /** @throws ScannerError operator.usage when a film may have been printed and nobody says what to do */
  continue(camera: string, doubtful?: 'print' | 'skip'): Promise<void>;
  /** @throws ScannerError operator.state while it is at the camera */
  remove(jobId: string): Promise<void>;
  /** @throws ScannerError operator.state, data.invalid when the other camera does not print such films, limit.resource */
  redirect(jobId: string, camera: string): Promise<FilmJob>;
  /** @throws ScannerError operator.state, limit.* */
  again(jobId: string, copies: number): Promise<FilmJob>;
  ended(jobId: string, signal: AbortSignal): Promise<FilmJob>;
}

const name = z.string().min(1).max(64);
const byCamera = z.strictObject({ camera: name });
const byJob = z.strictObject({ jobId: name });

export function filmMethods(filming: Filming): MethodTable {
  return {
    'film.cameras': method({
      summary: 'film cameras with their status and their queues',
      params: z.strictObject({}),
      handler: () => filming.cameras(),
    }),
    'film.status': method({
      summary: 'ask a camera for its status now',
      params: byCamera,
      handler: ({ camera }) => filming.refresh(camera),
    }),
    'film.list': method({
      summary: 'films in the order of their queues, printed ones among them',
      params: z.strictObject({ camera: name.optional() }),
      handler: ({ camera }) => filming.jobs(camera),
    }),
    'film.get': method({ summary: 'one film', params: byJob, handler: ({ jobId }) => filming.job(jobId) }),
    'film.wait': method({
      summary: 'answers when the film is printed or needs somebody',
      params: byJob,
      handler: ({ jobId }, { signal }) => filming.ended(jobId, signal),
    }),
    'film.stop': method({
      summary: "stop a camera's queue after the film under way",
      params: byCamera,
      handler: ({ camera }) => filming.stop(camera),
    }),
    'film.continue': method({
      summary: "go on with a camera's queue",
      params: byCamera.extend({
        doubtful: z.enum(['print', 'skip']).optional().describe('a film that may have been printed: again, or not'),
      }),
      handler: ({ camera, doubtful }) => filming.continue(camera, doubtful),
    }),
    'film.redirect': method({
      summary: "move a film to the end of another camera's queue",
      params: byJob.extend({ camera: name }),
      handler: ({ jobId, camera }) => filming.redirect(jobId, camera),
    }),
    'film.again': method({
      summary: 'print a film that was printed once more',
      params: byJob.extend({ copies: z.number().int().min(1).max(99).default(1) }),
      handler: ({ jobId, copies }) => filming.again(jobId, copies),
    }),
    'film.delete': method({
      summary: 'take a film out of its queue, or out of the printed ones',
      params: byJob,
      handler: ({ jobId }) => filming.remove(jobId),
    }),
  };
}
