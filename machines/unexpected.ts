import type { AnyActorRef, EventObject } from 'xstate';
import { stateName, type Unexpected } from './types.js';

/** What `emit` sends for an event that has no place in the state of `machine`. */
export function unexpected(machine: string): (args: { self: AnyActorRef; event: EventObject }) => Unexpected {
  return ({ self, event }) => ({
    type: 'unexpected',
    machine,
    // a pure transition has no running actor to ask
    state: stateName(self.getSnapshot()?.value ?? ''),
    event: event.type,
  });
}
