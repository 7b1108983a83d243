import { ScannerError } from '../../hal/base/errors.js';
import type { Chain } from '../../hal/contract/chain.js';
import { DEVICE_NAMES } from '../../hal/contract/device.js';

/**
 * An examination may start: every device is active and the safety chain is closed.
 * @throws ScannerError device.inactive, interlock.stop, interlock.open
 */
export function mustBeReady(chain: Chain): void {
  const absent = DEVICE_NAMES.find((name) => chain[name].lifecycle !== 'active');
  if (absent) {
    const state = chain[absent].lifecycle;
    throw new ScannerError('device.inactive', { device: absent, state, command: 'exam.start' });
  }
  const { emergencyStop, tripped, doorClosed, motionPermit } = chain.interlock.state;
  if (emergencyStop) throw new ScannerError('interlock.stop');
  if (tripped)
    throw new ScannerError('interlock.open', {
      reason: 'an emergency stop is latched; clear it with "petrig interlock reset"',
    });
  if (!doorClosed) throw new ScannerError('interlock.open', { reason: 'the door is open' });
  if (!motionPermit) throw new ScannerError('interlock.open', { reason: 'motion is not permitted' });
}
