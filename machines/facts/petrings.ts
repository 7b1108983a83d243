import { distinctUntilChanged, filter, map, merge, type Observable } from 'rxjs';
import type { PetRings, PetRingsEvent } from '../../hal/contract/petrings.js';
import type { PetRingsMachineEvent } from '../petrings.js';
import { isDeviceFault } from './link.js';

/** Frames and faults of the PET rings; count rates stay outside. */
export function petringsFacts(
  petrings: Pick<PetRings, 'state$' | 'events$' | 'faults$'>,
): Observable<PetRingsMachineEvent> {
  const idle$ = petrings.state$.pipe(
    map((state) => state.phase),
    distinctUntilChanged(),
    filter((phase) => phase === 'idle'),
    map((): PetRingsMachineEvent => ({ type: 'WENT_IDLE' })),
  );
  const faults$ = petrings.faults$.pipe(
    filter((fault) => isDeviceFault(fault.code)),
    map((fault): PetRingsMachineEvent => ({ type: 'FAULTED', code: fault.code })),
  );
  return merge(petrings.events$.pipe(map(frameFact)), idle$, faults$);
}

function frameFact(event: PetRingsEvent): PetRingsMachineEvent {
  switch (event.type) {
    case 'frameStarted':
      return { type: 'FRAME_STARTED', frameId: event.frameId };
    case 'frameEnded':
      return { type: 'FRAME_ENDED', frameId: event.frameId, reason: event.reason, seconds: event.seconds };
    case 'drained':
      return { type: 'DRAINED', frameId: event.frameId, words: event.words };
  }
}
