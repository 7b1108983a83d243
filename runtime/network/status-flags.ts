/** The status flags of the patient browser: 3.3.3.1.1 of the statement. */

import type { Delivery } from '../archive/archive.js';

/** A: archived, at the configured archive; S: sent to any other destination. */
export type FlagLetter = 'A' | 'S';

export type FlagState = 'unsent' | 'sent' | 'pending' | 'committed' | 'failed';

/** Of one instance, or of a series or study. */
export type FlagStates = Readonly<Record<FlagLetter, FlagState>>;

const LETTERS: readonly FlagLetter[] = ['A', 'S'];

/** What stands behind the letter; an entity that was not sent, or in part only, has no flag. */
const FLAGS: Readonly<Record<FlagState, (letter: FlagLetter) => string>> = {
  unsent: () => '',
  sent: (letter) => letter,
  pending: (letter) => `${letter}?`,
  committed: (letter) => `${letter}C`,
  failed: (letter) => `${letter}f`,
};

/** Of an instance that has gone to several nodes of a letter: the first of these that one of them has. */
const OVER_NODES: readonly FlagState[] = ['failed', 'pending', 'committed', 'sent'];

/** From the images to what holds them: the first row that applies. One failure shows, success must be everybody's. */
const PROPAGATION: readonly { flag: FlagState; of: 'any' | 'all'; states: readonly FlagState[] }[] = [
  { flag: 'failed', of: 'any', states: ['failed'] },
  { flag: 'pending', of: 'any', states: ['pending'] },
  { flag: 'committed', of: 'all', states: ['committed'] },
  { flag: 'sent', of: 'all', states: ['committed', 'sent'] },
];

/** @param isArchive by the node's name */
export function instanceStates(deliveries: readonly Delivery[], isArchive: (node: string) => boolean): FlagStates {
  return byLetter((letter) => {
    const states = deliveries.filter(({ node }) => isArchive(node) === (letter === 'A')).map(stateOf);
    return OVER_NODES.find((state) => states.includes(state)) ?? 'unsent';
  });
}

/** Of a series or study, from those of all its instances. */
export function entityStates(instances: readonly FlagStates[]): FlagStates {
  return byLetter((letter) => {
    const has = (states: readonly FlagState[]) => (one: FlagStates) => states.includes(one[letter]);
    const applies = ({ of, states }: (typeof PROPAGATION)[number]) =>
      of === 'any' ? instances.some(has(states)) : instances.length > 0 && instances.every(has(states));
    return PROPAGATION.find(applies)?.flag ?? 'unsent';
  });
}

/** As people see them, e.g. `AC S?`. */
export function flagText(states: FlagStates): string {
  return LETTERS.map((letter) => FLAGS[states[letter]](letter))
    .filter(Boolean)
    .join(' ');
}

function stateOf({ sent, commitment }: Delivery): FlagState {
  if (sent !== 'sent') return 'unsent';
  return commitment === 'none' ? 'sent' : commitment;
}

function byLetter(state: (letter: FlagLetter) => FlagState): FlagStates {
  return { A: state('A'), S: state('S') };
}
