import { fromPromise, type PromiseActorLogic } from 'xstate';
import { ScannerError } from '../hal/base/errors.js';
import type { Chain } from '../hal/contract/chain.js';
import type { Reply } from '../hal/contract/device.js';
import type { ConnectInput } from './link.js';
import type { Json } from './types.js';

/** The `connect` actor of the link machine: unconfigured or failed -> inactive -> active. @throws ScannerError device.refused, link.*, timeout.* */
export function connector(chain: Chain): PromiseActorLogic<Json, ConnectInput> {
  return fromPromise<Json, ConnectInput>(async ({ input, signal }) => {
    const device = chain[input.device];
    if (device.lifecycle === 'unconfigured' || device.lifecycle === 'failed') {
      accepted(input, 'configure', await device.configure({ signal }));
    }
    // read anew: configuring has changed it
    if (chain[input.device].lifecycle !== 'active') accepted(input, 'activate', await device.activate({ signal }));
    return device.identity ? { ...device.identity } : null;
  });
}

function accepted({ device }: ConnectInput, command: string, reply: Reply): void {
  if (reply.kind === 'refused') throw new ScannerError('device.refused', { device, command, reason: reply.reason });
}
