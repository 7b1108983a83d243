import type { Action, ActionOf, Moment, Strike } from './script.js';

const STRIKES: readonly string[] = ['abort', 'close', 'garbage', 'release', 'accept-again'];

/** The first action of a name. */
export function find<N extends Action['action']>(actions: readonly Action[], name: N): ActionOf<N> | undefined {
  return actions.find((action): action is ActionOf<N> => action.action === name);
}

/** The strikes of a list that fall at a moment. */
export function strikesAt(actions: readonly Action[], moment: Moment): Strike[] {
  return actions.filter(
    (action): action is Strike => STRIKES.includes(action.action) && 'at' in action && action.at === moment,
  );
}

/** Bytes that begin like no PDU. */
export function garbage(count: number, draw: () => number): Buffer {
  const bytes = Buffer.from(Uint8Array.from({ length: count }, () => Math.floor(draw() * 256)));
  bytes[0] = bytes[0]! | 0x80;
  return bytes;
}
