import type { Clock } from './clock.js';
import { type ErrorContext, ScannerError } from './errors.js';

/** How long an awaited thing may take and how it is called off. Every await that leaves the process carries one. */
export interface Deadline {
  signal?: AbortSignal;
  /** Wall milliseconds. */
  deadlineMs?: number;
}

/** Settles as `work` does, or rejects with `code` once `ms` of `clock` have passed, or `timeout.aborted` when the signal fires. */
export function within<T>(
  work: Promise<T>,
  options: { clock: Clock; ms: number; signal?: AbortSignal; code?: string; context?: ErrorContext },
): Promise<T> {
  const { clock, ms, signal, code = 'timeout.stage', context = {} } = options;
  return new Promise<T>((resolve, reject) => {
    const timer = clock.after(ms, () => finish(() => reject(new ScannerError(code, { ms, ...context }))));
    const abort = () =>
      finish(() => reject(new ScannerError('timeout.aborted', { what: 'command', ...context }, signal?.reason)));
    const finish = (act: () => void) => {
      timer.cancel();
      signal?.removeEventListener('abort', abort);
      act();
    };
    if (signal?.aborted) return abort();
    signal?.addEventListener('abort', abort, { once: true });
    work.then(
      (value) => finish(() => resolve(value)),
      (error) => finish(() => reject(error)),
    );
  });
}
