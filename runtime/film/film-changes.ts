import { type Observable, Subject } from 'rxjs';
import { ScannerError } from '../../hal/base/errors.js';
import type { FilmJob } from './film-job.js';
import type { CameraReport } from './film-queue.js';

export type FilmChange = { job: FilmJob } | { camera: CameraReport };

/** Tells what is different from what was told last. */
export class FilmChanges {
  readonly changes$: Observable<FilmChange>;
  readonly #changes = new Subject<FilmChange>();
  /** By camera and job, as text. */
  readonly #told = new Map<string, string>();

  constructor() {
    this.changes$ = this.#changes.asObservable();
  }

  tell(key: string, change: FilmChange): void {
    const text = JSON.stringify(change);
    if (this.#told.get(key) === text) return;
    this.#told.set(key, text);
    this.#changes.next(change);
  }

  forget(key: string): void {
    this.#told.delete(key);
  }

  /** Resolves with what `look` finds, at the latest after a change. @throws ScannerError timeout.aborted, or what `look` throws */
  until<T>(look: () => T | undefined, signal: AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const abort = () => end(() => reject(new ScannerError('timeout.aborted', { what: 'waiting for a film' })));
      const end = (settle: () => void) => {
        subscription.unsubscribe();
        signal.removeEventListener('abort', abort);
        settle();
      };
      const again = () => {
        try {
          const found = look();
          if (found !== undefined) end(() => resolve(found));
        } catch (error) {
          end(() => reject(error));
        }
      };
      const subscription = this.#changes.subscribe(again);
      signal.addEventListener('abort', abort, { once: true });
      if (signal.aborted) abort();
      else again();
    });
  }

  close(): void {
    this.#changes.complete();
  }
}
