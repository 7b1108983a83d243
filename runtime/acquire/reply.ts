import { ScannerError } from '../../hal/base/errors.js';
import type { Reply } from '../../hal/contract/device.js';

/** Refusal names of the contracts that are a limit or an interlock; every other is `device.refused`. */
const CODE_OF_REASON: Readonly<Record<string, string>> = {
  outOfRange: 'limit.device',
  power: 'limit.device',
  heat: 'limit.device',
  overload: 'limit.device',
  windowInRamp: 'limit.device',
  interlock: 'interlock.open',
  motionBlocked: 'interlock.open',
  chainOpen: 'interlock.open',
};

/** @throws ScannerError limit.device, interlock.open or device.refused when the device did not accept */
export function mustAccept(reply: Reply, device: string, command: string): void {
  if (reply.kind === 'accepted') return;
  const { reason, detail } = reply;
  const code = CODE_OF_REASON[reason] ?? 'device.refused';
  const shown = code === 'interlock.open' ? `${device} refused ${command}: ${reason} ${detail}`.trim() : reason;
  throw new ScannerError(code, { device, command, reason: shown, detail });
}
