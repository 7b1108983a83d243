import type { Command } from '../../runtime/dicom/dimse/command.js';
import { statusClass } from '../../runtime/dicom/dimse/status.js';
import { find } from './actions.js';
import type { Action, ActionOf } from './script.js';
import type { ServiceName } from './service-names.js';

/** One request of a peer's on its way to its responses, and what the rules do to it. */
export class Exchange {
  readonly service: ServiceName;
  readonly request: Command;
  readonly contextId: number;
  readonly actions: readonly Action[];
  /** Pending responses that the peer got. */
  pendingSent = 0;
  /** Nothing of what the server still answers goes out. */
  settled = false;
  /** Whether its first response waited as the rules have it. */
  delayed = false;
  /** Ends the repetition of a pending response. */
  readonly cancelled = new AbortController();

  constructor(options: { service: ServiceName; request: Command; contextId: number; actions: readonly Action[] }) {
    this.service = options.service;
    this.request = options.request;
    this.contextId = options.contextId;
    this.actions = options.actions;
  }

  find<N extends Action['action']>(name: N): ActionOf<N> | undefined {
    return find(this.actions, name);
  }

  /** The failure that the request gets without being performed. */
  get refusal(): ActionOf<'status'> | undefined {
    const status = this.find('status');
    return status && status.afterPending === 0 && isFailure(status) ? status : undefined;
  }

  /** True for what is due with this response: enough pending ones went before, or there are no more. */
  isDue(action: { afterPending: number }, pending: boolean): boolean {
    return !pending || this.pendingSent >= action.afterPending;
  }

  /** The status that replaces this response's; a success or warning replaces the final one's only. */
  statusFor(pending: boolean): ActionOf<'status'> | undefined {
    const status = this.find('status');
    if (!status || (pending && !isFailure(status))) return undefined;
    return this.isDue(status, pending) ? status : undefined;
  }
}

function isFailure({ status }: ActionOf<'status'>): boolean {
  const kind = statusClass(Number.parseInt(status, 16));
  return kind === 'failure' || kind === 'cancel';
}
