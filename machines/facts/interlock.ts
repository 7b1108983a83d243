import { distinctUntilChanged, map, type Observable } from 'rxjs';
import type { Interlock, InterlockState } from '../../hal/contract/interlock.js';
import type { InterlockMachineEvent } from '../interlock.js';

/** The chain's state, reduced to whether it is closed, open or tripped. */
export function interlockFacts(interlock: Pick<Interlock, 'state$'>): Observable<InterlockMachineEvent> {
  return interlock.state$.pipe(
    map(chainOf),
    distinctUntilChanged((a, b) => JSON.stringify(a) === JSON.stringify(b)),
  );
}

function chainOf(state: InterlockState): InterlockMachineEvent {
  if (state.tripped || state.emergencyStop) return { type: 'CHAIN_TRIPPED' };
  if (!state.doorClosed) return { type: 'CHAIN_OPENED', reason: 'door' };
  if (!state.beamPermit) return { type: 'CHAIN_OPENED', reason: 'no beam permit' };
  return { type: 'CHAIN_CLOSED' };
}
