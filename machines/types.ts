/** What the machines share: JSON values, scan ranges, failures, recovered records. */

import type { StateValue } from 'xstate';
import { asScannerError, type ScannerError } from '../hal/base/errors.js';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

export type RangeKind = 'topogram' | 'ct' | 'pet';

export interface RangeRef {
  id: string;
  kind: RangeKind;
  /** The range needs the physiological monitor. */
  gated?: boolean;
}

/** A ScannerError as it stands in a context, a record or an output. */
export type Failure = ReturnType<ScannerError['toJSON']>;

/** What a machine was when its process ended. */
export interface Recovered<Context> {
  value: StateValue;
  context: Context;
}

/** Emitted by every machine when an event has no place in its state. Nothing unexpected is silent. */
export interface Unexpected {
  type: 'unexpected';
  machine: string;
  state: string;
  event: string;
}

/** Emitted when a command was understood but is not possible now. */
export interface Refused {
  type: 'refused';
  machine: string;
  command: string;
  reason: string;
}

/** Anything thrown, as plain JSON. */
export function failureOf(thrown: unknown): Failure {
  const text = JSON.stringify(asScannerError(thrown), (_key, value) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  return JSON.parse(text) as Failure;
}

/** A state value as dotted paths joined by `+`: `running.scanning`, `working.acquisition.acquiring+working.reconstruction.waiting`. */
export function stateName(value: StateValue): string {
  if (typeof value === 'string') return value;
  return Object.entries(value)
    .flatMap(([key, child]) =>
      child === undefined
        ? [key]
        : stateName(child)
            .split('+')
            .map((rest) => (rest ? `${key}.${rest}` : key)),
    )
    .join('+');
}

/** The state a record was left in; a process that ended while recovering leaves the state it was recovering from. */
export function formerState(recovered: Recovered<{ recoveredFrom: string | null }>): string {
  const name = stateName(recovered.value);
  return name === 'recovering' ? (recovered.context.recoveredFrom ?? name) : name;
}
