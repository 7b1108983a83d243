/**
 * Complete state x event tables of machines, checked through the pure `transition()`: each pair stands in the table
 * with its outcome, and a state, event or pair without one fails.
 */
import { type AnyActorRef, type AnyMachineSnapshot, type AnyStateMachine, type StateValue, transition } from 'xstate';
import { getStateNodes } from 'xstate/graph';
import { stateName } from '../../machines/types.js';

export interface MachineEvent {
  type: string;
}

/** Outcome -> labels of the events that have it. `stay`: taken without leaving; `reported`: no place for it. Else the state's name. */
export type Row = Record<string, string>;

export interface Table {
  machine: AnyStateMachine;
  /** Label -> event. `*internal` in a row means all `xstate.` events which the row does not name. */
  events: Record<string, MachineEvent>;
  rows: Record<string, { value: StateValue; context: object; children?: Record<string, unknown>; row: Row }>;
}

/** What is wrong with the table or the machine, one line each; empty when they agree. */
export function problems(table: Table): string[] {
  const wrong = [...statesWithoutRow(table), ...eventsWithoutColumn(table)];
  for (const [title, { value, context, children, row }] of Object.entries(table.rows)) {
    const expected = outcomes(title, row, table.events, wrong);
    for (const [label, event] of Object.entries(table.events)) {
      const snapshot = table.machine.resolveState({ value, context }) as AnyMachineSnapshot;
      const [next, actions] = transition(table.machine, Object.assign(snapshot, { children: children ?? {} }), event);
      const got = outcome(value, next, actions);
      if (got !== expected.get(label)) wrong.push(`${title} + ${label}: ${got}, table says ${expected.get(label)}`);
    }
  }
  return wrong;
}

/** `stay`, `reported`, `STATE`, or `STATE reported`. */
function outcome(value: StateValue, next: AnyMachineSnapshot, actions: readonly { type: string; params?: unknown }[]) {
  const emitted = actions
    .filter((action) => action.type === 'xstate.emit')
    .map((action) => (action.params as { event: MachineEvent }).event.type);
  const reported = emitted.includes('unexpected');
  if (next.status === 'error') return `broke: ${next.error}`;
  const before = stateName(value);
  const after = stateName(next.value);
  if (after === before) {
    const invoked = actions.some((action) => action.type === 'xstate.spawnChild');
    return reported ? 'reported' : invoked ? after : 'stay';
  }
  return reported ? `${after} reported` : after;
}

function outcomes(title: string, row: Row, events: Table['events'], wrong: string[]): Map<string, string> {
  const found = new Map<string, string>();
  let rest: string | undefined;
  for (const [result, labels] of Object.entries(row)) {
    for (const label of labels.split(/\s+/).filter(Boolean)) {
      if (label === '*internal') rest = result;
      else if (!(label in events)) wrong.push(`${title}: no event ${label}`);
      else if (found.has(label)) wrong.push(`${title}: ${label} stands twice`);
      else found.set(label, result);
    }
  }
  for (const [label, event] of Object.entries(events)) {
    if (!found.has(label) && rest !== undefined && event.type.startsWith('xstate.')) found.set(label, rest);
  }
  return found;
}

function statesWithoutRow({ machine, rows }: Table): string[] {
  const covered = Object.values(rows).flatMap(({ value }) => stateName(value).split('+'));
  const missing = restingStates(machine).filter((state) => !covered.includes(state));
  return missing.map((state) => `state without a row: ${state}`);
}

function eventsWithoutColumn({ machine, events }: Table): string[] {
  const known = new Set(Object.values(events).map((event) => event.type));
  const missing = machine.events.filter((type) => type !== '*' && !known.has(type));
  return missing.map((type) => `event without a column: ${type}`);
}

/** Names of the states a machine can rest in: leaves which are neither final at the top nor left at once. */
export function restingStates(machine: AnyStateMachine): string[] {
  return getStateNodes(machine)
    .filter((node) => Object.keys(node.states).length === 0)
    .filter((node) => !(node.type === 'final' && node.parent === machine.root))
    .filter((node) => !(node.always ?? []).some((passing) => passing.guard === undefined))
    .map((node) => node.path.join('.'));
}

/** A stand-in for an invoked actor, so that events can be addressed to it. */
export function stand(id: string): AnyActorRef {
  return { id, sessionId: id, send() {}, getSnapshot: () => ({ status: 'active' }) } as unknown as AnyActorRef;
}

export function done(id: string, output: unknown = null): MachineEvent & { output: unknown } {
  return { type: `xstate.done.actor.${id}`, output };
}

export function failed(id: string, error: unknown): MachineEvent & { error: unknown } {
  return { type: `xstate.error.actor.${id}`, error };
}

/** One column for each outcome of the actors. */
export function actorEvents(outputs: Record<string, unknown>, error: unknown): Record<string, MachineEvent> {
  return Object.fromEntries(
    Object.entries(outputs).flatMap(([id, output]) => [
      [`done:${id}`, done(id, output)],
      [`error:${id}`, failed(id, error)],
    ]),
  );
}
