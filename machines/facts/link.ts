import { filter, map, merge, type Observable } from 'rxjs';
import type { Device } from '../../hal/contract/device.js';
import type { LinkEvent } from '../link.js';

/** Faults which mean that the device is out of reach, or at the far end not the one we knew. */
const DROPPED = ['linkLost', 'bulkClosed', 'rebooted'];

/** A device's lifecycle and faults, reduced to the loss of its link. */
export function linkFacts(device: Pick<Device<unknown, unknown>, 'lifecycle$' | 'faults$'>): Observable<LinkEvent> {
  const failed$ = device.lifecycle$.pipe(
    filter((lifecycle) => lifecycle === 'failed'),
    map(() => 'failed'),
  );
  const faults$ = device.faults$.pipe(
    map((fault) => fault.code),
    filter((code) => DROPPED.includes(code)),
  );
  return merge(faults$, failed$).pipe(map((code): LinkEvent => ({ type: 'LINK_DROPPED', code })));
}

/** Faults of the device itself, not of its link. */
export function isDeviceFault(code: string): boolean {
  return !DROPPED.includes(code);
}
