import { readTable } from '../../../hal/base/table.js';
import type { Pdu } from './pdu.js';

export type State =
  | 'Sta1'
  | 'Sta2'
  | 'Sta3'
  | 'Sta4'
  | 'Sta5'
  | 'Sta6'
  | 'Sta7'
  | 'Sta8'
  | 'Sta9'
  | 'Sta10'
  | 'Sta11'
  | 'Sta12'
  | 'Sta13';

/** Events of PS3.8 table 9-10: Evt1 associate request ... Evt19 unrecognized or invalid PDU. */
export type Event = `Evt${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15 | 16 | 17 | 18 | 19}`;

export type Effect =
  | 'close'
  | 'confirmAccepted'
  | 'confirmCollision'
  | 'confirmRejected'
  | 'confirmRelease'
  | 'connect'
  | 'indicateAbort'
  | 'indicateAssociate'
  | 'indicateCollision'
  | 'indicateData'
  | 'indicateLost'
  | 'indicateProviderAbort'
  | 'indicateRelease'
  | 'sendAssociateAc'
  | 'sendAssociateRj'
  | 'sendAssociateRq'
  | 'sendData'
  | 'sendProviderAbort'
  | 'sendProviderReject'
  | 'sendReleaseRp'
  | 'sendReleaseRq'
  | 'sendUserAbort'
  | 'startArtim'
  | 'stopArtim';

interface Outcome {
  do: readonly Effect[];
  next: State;
}

interface StateTable {
  /** `otherwise` is taken by AE-6 when the request is not acceptable to the provider, by AR-8 on the acceptor's side. */
  actions: Readonly<Record<string, Outcome & { otherwise?: Outcome }>>;
  transitions: Readonly<Record<Event, Partial<Readonly<Record<State, string>>>>>;
}

export const STATE_TABLE: StateTable = readTable(import.meta.url, '../tables/state-table.json');

export interface Step extends Outcome {
  action: string;
}

/**
 * What the standard says to do on `event` in `state`; undefined for a pair that cannot happen (a blank cell).
 * @param plain false takes the action's other branch
 */
export function step(state: State, event: Event, plain = true): Step | undefined {
  return STEPS.get(event)?.get(state)?.[plain ? 'plain' : 'otherwise'];
}

type Cell = Readonly<Record<'plain' | 'otherwise', Step>>;

const STEPS: ReadonlyMap<string, ReadonlyMap<string, Cell>> = new Map(
  Object.entries(STATE_TABLE.transitions).map(([event, row]) => {
    return [event, new Map(Object.entries(row).map(([state, action]) => [state, cell(action)]))];
  }),
);

function cell(action: string): Cell {
  const { otherwise, ...row } = STATE_TABLE.actions[action]!;
  const plain = { action, ...row };
  return { plain, otherwise: otherwise ? { action, ...otherwise } : plain };
}

/** The event that a PDU of the peer is, data aside. */
export const PDU_EVENT = {
  'associate-ac': 'Evt3',
  'associate-rj': 'Evt4',
  'associate-rq': 'Evt6',
  'release-rq': 'Evt12',
  'release-rp': 'Evt13',
  abort: 'Evt16',
} as const satisfies Record<Pdu['type'], Event>;
