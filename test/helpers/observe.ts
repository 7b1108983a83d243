import { filter, firstValueFrom, type Observable, timeout } from 'rxjs';

/** The first value from now on that fits; rejects after `ms` of wall time. Call it before what causes the value. */
export function next<T, S extends T = T>(
  from: Observable<T>,
  fits: ((value: T) => value is S) | ((value: T) => boolean),
  ms = 10_000,
): Promise<S> {
  const value = firstValueFrom(from.pipe(filter(fits as (value: T) => value is S), timeout(ms)));
  // a test that fails before it awaits this must fail with its own reason
  value.catch(() => undefined);
  return value;
}

/** The first event of that type from now on. */
export function event<E extends { type: string }, T extends E['type']>(
  from: Observable<E>,
  type: T,
  ms?: number,
): Promise<Extract<E, { type: T }>> {
  return next(from, (value): value is Extract<E, { type: T }> => value.type === type, ms);
}

/** Waits until `ready` says so. */
export async function until(ready: () => boolean, ms = 10_000, what = 'condition'): Promise<void> {
  const end = performance.now() + ms;
  while (!ready()) {
    if (performance.now() > end) throw new Error(`${what} not met within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
