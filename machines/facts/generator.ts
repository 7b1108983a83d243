import { distinctUntilChanged, filter, map, merge, type Observable } from 'rxjs';
import type { Generator, GeneratorEvent, GeneratorState } from '../../hal/contract/generator.js';
import type { GeneratorMachineEvent } from '../generator.js';
import { isDeviceFault } from './link.js';

/** Phases, exposures and faults of the generator. */
export function generatorFacts(
  generator: Pick<Generator, 'state$' | 'events$' | 'faults$'>,
): Observable<GeneratorMachineEvent> {
  const phases$ = generator.state$.pipe(
    distinctUntilChanged((a, b) => a.phase === b.phase),
    map(phaseFact),
  );
  const exposures$ = generator.events$.pipe(
    map(exposureFact),
    filter((fact) => fact !== undefined),
  );
  const faults$ = generator.faults$.pipe(
    filter((fault) => isDeviceFault(fault.code)),
    map((fault): GeneratorMachineEvent => ({ type: 'FAULTED', code: fault.code })),
  );
  return merge(phases$, exposures$, faults$);
}

function phaseFact({ phase, kv, ma }: GeneratorState): GeneratorMachineEvent {
  switch (phase) {
    case 'standby':
      return { type: 'STANDBY_ENTERED' };
    case 'preheating':
      return { type: 'PREHEAT_STARTED' };
    case 'ready':
      return { type: 'BECAME_READY' };
    case 'armed':
      return { type: 'WAS_ARMED' };
    case 'exposing':
      return { type: 'EXPOSURE_STARTED', kv, ma };
  }
}

function exposureFact(event: GeneratorEvent): GeneratorMachineEvent | undefined {
  if (event.type === 'exposureStarted') return { type: 'EXPOSURE_STARTED', kv: event.kv, ma: event.ma };
  if (event.type === 'disarmed') return { type: 'DISARMED', reason: event.reason };
  if (event.type !== 'exposureEnded') return undefined;
  return { type: 'EXPOSURE_ENDED', reason: event.reason, seconds: event.seconds, mas: event.mas };
}
