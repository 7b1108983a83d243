import { distinctUntilChanged, EMPTY, filter, map, merge, Observable, of, switchMap } from 'rxjs';
import type { Clock } from '../../hal/base/clock.js';
import type { Gating, GatingSource } from '../../hal/contract/gating.js';
import type { GatingMachineEvent } from '../gating.js';

/** No heart that gates beats slower than 12 a minute, no breath takes longer than ten seconds. */
const SILENCE_MS: Readonly<Record<GatingSource, number>> = { ecg: 5000, respiration: 10_000 };

/** Triggers of one signal, reduced to whether there is a rhythm. */
export function gatingFacts(
  gating: Pick<Gating, 'state$' | 'events$'>,
  source: GatingSource,
  clock: Clock,
): Observable<GatingMachineEvent> {
  const enabled$ = gating.state$.pipe(
    map((state) => (source === 'ecg' ? state.ecgEnabled : state.respirationEnabled)),
    distinctUntilChanged(),
  );
  const triggers$ = gating.events$.pipe(
    filter((event) => event.source === source),
    map((event) => event.at),
  );
  let known = false;
  return enabled$.pipe(
    switchMap((enabled): Observable<GatingMachineEvent> => {
      if (enabled) {
        known = true;
        return merge(of<GatingMachineEvent>({ type: 'SIGNAL_ENABLED' }), rhythm(triggers$, clock, SILENCE_MS[source]));
      }
      return known ? of<GatingMachineEvent>({ type: 'SIGNAL_DISABLED' }) : EMPTY;
    }),
  );
}

/** Found at the second trigger in time, lost after `silenceMs` of scanner time without one. */
function rhythm(triggers$: Observable<number>, clock: Clock, silenceMs: number): Observable<GatingMachineEvent> {
  return new Observable((out) => {
    let last: number | undefined;
    let found = false;
    const lose = () => {
      last = undefined;
      found = false;
      out.next({ type: 'RHYTHM_LOST' });
    };
    let timer = clock.after(silenceMs, lose);
    const subscription = triggers$.subscribe((at) => {
      timer.cancel();
      timer = clock.after(silenceMs, lose);
      if (!found && last !== undefined && at > last) {
        found = true;
        out.next({ type: 'RHYTHM_FOUND', perMinute: 60_000 / (at - last) });
      }
      last = at;
    });
    return () => {
      timer.cancel();
      subscription.unsubscribe();
    };
  });
}
