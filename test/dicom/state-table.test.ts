import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ManualClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { type AssociateAc, type AssociateRq, encodePdu, writePdvHeader } from '../../runtime/dicom/upper-layer/pdu.js';
import { UpperLayerProvider } from '../../runtime/dicom/upper-layer/provider.js';
import { type Event, STATE_TABLE, type State, step } from '../../runtime/dicom/upper-layer/state-table.js';

const test = suite('PS3.8 state table');

/** PS3.8 table 9-10, written down a second time: a row an event, a column a state; a dot is a blank cell. */
const GRID = `
Evt1  AE-1 .    .    .    .    .    .    .    .    .     .    .    .
Evt2  .    .    .    AE-2 .    .    .    .    .    .     .    .    .
Evt3  .    AA-1 AA-8 .    AE-3 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
Evt4  .    AA-1 AA-8 .    AE-4 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
Evt5  AE-5 .    .    .    .    .    .    .    .    .     .    .    .
Evt6  .    AE-6 AA-8 .    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7
Evt7  .    .    AE-7 .    .    .    .    .    .    .     .    .    .
Evt8  .    .    AE-8 .    .    .    .    .    .    .     .    .    .
Evt9  .    .    .    .    .    DT-1 .    AR-7 .    .     .    .    .
Evt10 .    AA-1 AA-8 .    AA-8 DT-2 AR-6 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
Evt11 .    .    .    .    .    AR-1 .    .    .    .     .    .    .
Evt12 .    AA-1 AA-8 .    AA-8 AR-2 AR-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-6
Evt13 .    AA-1 AA-8 .    AA-8 AA-8 AR-3 AA-8 AA-8 AR-10 AR-3 AA-8 AA-6
Evt14 .    .    .    .    .    .    .    AR-4 AR-9 .     .    AR-4 .
Evt15 .    .    AA-1 AA-2 AA-1 AA-1 AA-1 AA-1 AA-1 AA-1  AA-1 AA-1 .
Evt16 .    AA-2 AA-3 .    AA-3 AA-3 AA-3 AA-3 AA-3 AA-3  AA-3 AA-3 AA-2
Evt17 .    AA-5 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4 AA-4  AA-4 AA-4 AR-5
Evt18 .    AA-2 .    .    .    .    .    .    .    .     .    .    AA-2
Evt19 .    AA-1 AA-8 .    AA-8 AA-8 AA-8 AA-8 AA-8 AA-8  AA-8 AA-8 AA-7
`;

const CELLS = GRID.trim()
  .split('\n')
  .flatMap((line) => {
    const [event, ...actions] = line.trim().split(/\s+/);
    return actions.map((action, i) => ({ event: event as Event, state: `Sta${i + 1}` as State, action }));
  });

/** What each action looks like from outside: PDU sent, user told, transport closed. PS3.8 tables 9-6 to 9-9. */
const ACTIONS: Record<string, { next: State; sends?: string; tells?: string; closes?: boolean }> = {
  'AE-1': { next: 'Sta4' },
  'AE-2': { next: 'Sta5', sends: 'A-ASSOCIATE-RQ' },
  'AE-3': { next: 'Sta6', tells: 'accepted' },
  'AE-4': { next: 'Sta1', tells: 'rejected', closes: true },
  'AE-5': { next: 'Sta2' },
  'AE-6': { next: 'Sta3', tells: 'associate' },
  'AE-7': { next: 'Sta6', sends: 'A-ASSOCIATE-AC' },
  'AE-8': { next: 'Sta13', sends: 'A-ASSOCIATE-RJ' },
  'DT-1': { next: 'Sta6', sends: 'P-DATA-TF' },
  'DT-2': { next: 'Sta6', tells: 'data' },
  'AR-1': { next: 'Sta7', sends: 'A-RELEASE-RQ' },
  'AR-2': { next: 'Sta8', tells: 'released' },
  'AR-3': { next: 'Sta1', tells: 'releaseConfirmed', closes: true },
  'AR-4': { next: 'Sta13', sends: 'A-RELEASE-RP' },
  'AR-5': { next: 'Sta1' },
  'AR-6': { next: 'Sta7', tells: 'data' },
  'AR-7': { next: 'Sta8', sends: 'P-DATA-TF' },
  'AR-8': { next: 'Sta9', tells: 'released' },
  'AR-9': { next: 'Sta11', sends: 'A-RELEASE-RP' },
  'AR-10': { next: 'Sta12', tells: 'released' },
  'AA-1': { next: 'Sta13', sends: 'A-ABORT user' },
  'AA-2': { next: 'Sta1', closes: true },
  'AA-3': { next: 'Sta1', tells: 'aborted peer', closes: true },
  'AA-4': { next: 'Sta1', tells: 'aborted lost' },
  'AA-5': { next: 'Sta1' },
  'AA-6': { next: 'Sta13' },
  'AA-7': { next: 'Sta13', sends: 'A-ABORT provider' },
  'AA-8': { next: 'Sta13', sends: 'A-ABORT provider', tells: 'aborted provider' },
};

const NAMES = ['', 'A-ASSOCIATE-RQ', 'A-ASSOCIATE-AC', 'A-ASSOCIATE-RJ', 'P-DATA-TF', 'A-RELEASE-RQ', 'A-RELEASE-RP'];
const user = { maxPduLength: 16384, implementationClassUid: '1.2', roles: [] };
const common = { protocolVersion: 1, calledAe: 'A', callingAe: 'B', applicationContext: '1.2.840.10008.3.1.1.1', user };
const RQ: AssociateRq = {
  ...common,
  type: 'associate-rq',
  contexts: [{ id: 1, abstractSyntax: '1.2.840.10008.1.1', transferSyntaxes: ['1.2.840.10008.1.2'] }],
};
const AC: AssociateAc = {
  ...common,
  type: 'associate-ac',
  contexts: [{ id: 1, result: 0, transferSyntax: '1.2.840.10008.1.2' }],
};

function dataPdu(): Buffer {
  const pdu = Buffer.alloc(14);
  writePdvHeader(pdu, 0, { contextId: 1, command: true, last: true, length: 2 });
  return pdu;
}

/** A provider over a socket that stands in memory. */
class Rig {
  readonly clock = new ManualClock();
  readonly told: string[] = [];
  readonly provider: UpperLayerProvider;
  #sent: Buffer[] = [];
  readonly #socket: Duplex;

  constructor(readonly role: 'requestor' | 'acceptor') {
    const socket = new Duplex({
      read() {},
      write: (chunk: Buffer, _encoding, done) => {
        this.#sent.push(chunk);
        done();
      },
    });
    this.#socket = Object.assign(socket, { setNoDelay: () => socket });
    const tell = (what: string) => () => void this.told.push(what);
    this.provider = new UpperLayerProvider({
      socket: this.#socket as unknown as Socket,
      role,
      clock: this.clock,
      log: silentLog,
      artimMs: 1000,
      closingMs: 1000,
      maxPduLength: 16384,
      indications: {
        associate: tell('associate'),
        accepted: tell('accepted'),
        rejected: tell('rejected'),
        data: tell('data'),
        released: tell('released'),
        releaseConfirmed: tell('releaseConfirmed'),
        aborted: (by) => this.told.push(`aborted ${by}`),
        closed: () => {},
      },
    });
  }

  get closed(): boolean {
    return this.#socket.destroyed;
  }

  /** PDUs written since the last call. */
  sent(): string[] {
    const bytes = Buffer.concat(this.#sent.splice(0));
    const names: string[] = [];
    for (let offset = 0; offset < bytes.length; offset += 6 + bytes.readUInt32BE(offset + 2)) {
      const type = bytes[offset]!;
      names.push(NAMES[type] ?? `A-ABORT ${bytes[offset + 8] === 0 ? 'user' : 'provider'}`);
    }
    return names;
  }

  async receive(bytes: Buffer): Promise<void> {
    this.#socket.push(bytes);
    await settle();
  }

  async vanish(): Promise<void> {
    this.#socket.destroy();
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

const release = encodePdu({ type: 'release-rq' });
const released = encodePdu({ type: 'release-rp' });

/** The shortest way into each state. */
const WAYS: Record<State, (rig: Rig) => Promise<void>> = {
  Sta1: async () => {},
  Sta2: async (rig) => rig.provider.start(),
  Sta3: async (rig) => {
    await WAYS.Sta2(rig);
    await rig.receive(encodePdu(RQ));
  },
  Sta4: async (rig) => rig.provider.start(),
  Sta5: async (rig) => {
    await WAYS.Sta4(rig);
    rig.provider.connected(RQ);
  },
  Sta6: async (rig) => {
    if (rig.role === 'acceptor') {
      await WAYS.Sta3(rig);
      rig.provider.accept(AC);
    } else {
      await WAYS.Sta5(rig);
      await rig.receive(encodePdu(AC));
    }
  },
  Sta7: async (rig) => {
    await WAYS.Sta6(rig);
    rig.provider.release();
  },
  Sta8: async (rig) => {
    await WAYS.Sta6(rig);
    await rig.receive(release);
  },
  Sta9: async (rig) => {
    await WAYS.Sta7(rig);
    await rig.receive(release);
  },
  Sta10: async (rig) => {
    await WAYS.Sta7(rig);
    await rig.receive(release);
  },
  Sta11: async (rig) => {
    await WAYS.Sta9(rig);
    rig.provider.answerRelease();
  },
  Sta12: async (rig) => {
    await WAYS.Sta10(rig);
    await rig.receive(released);
  },
  Sta13: async (rig) => {
    await WAYS.Sta6(rig);
    rig.provider.abort('test');
  },
};

const ACCEPTOR_STATES = new Set<State>(['Sta2', 'Sta3', 'Sta10', 'Sta12']);

/** What makes each event happen. Evt1, 2 and 5 belong to their one state. */
const TRIGGERS: Record<Event, (rig: Rig) => Promise<void> | void> = {
  Evt1: (rig) => rig.provider.start(),
  Evt2: (rig) => rig.provider.connected(RQ),
  Evt3: (rig) => rig.receive(encodePdu(AC)),
  Evt4: (rig) => rig.receive(encodePdu({ type: 'associate-rj', result: 1, source: 1, reason: 1 })),
  Evt5: (rig) => rig.provider.start(),
  Evt6: (rig) => rig.receive(encodePdu(RQ)),
  Evt7: (rig) => rig.provider.accept(AC),
  Evt8: (rig) => rig.provider.reject({ type: 'associate-rj', result: 1, source: 1, reason: 1 }),
  Evt9: (rig) => void rig.provider.send([dataPdu()]),
  Evt10: (rig) => rig.receive(dataPdu()),
  Evt11: (rig) => rig.provider.release(),
  Evt12: (rig) => rig.receive(release),
  Evt13: (rig) => rig.receive(released),
  Evt14: (rig) => rig.provider.answerRelease(),
  Evt15: (rig) => rig.provider.abort('test'),
  Evt16: (rig) => rig.receive(encodePdu({ type: 'abort', source: 0, reason: 0 })),
  Evt17: (rig) => rig.vanish(),
  Evt18: (rig) => rig.clock.advance(1000),
  Evt19: (rig) => rig.receive(Buffer.from([99, 0, 0, 0, 0, 0])),
};

test('the table has every cell of the standard and no other', () => {
  assert.is(CELLS.length, 19 * 13);
  for (const { event, state, action } of CELLS) {
    const wanted = action === '.' ? undefined : action;
    assert.is(STATE_TABLE.transitions[event][state], wanted, `${event} in ${state}`);
    if (wanted) assert.is(step(state, event)!.next, ACTIONS[wanted]!.next, wanted);
  }
});

for (const { event, state, action } of CELLS) {
  const role = ACCEPTOR_STATES.has(state) || event === 'Evt5' ? 'acceptor' : 'requestor';
  // the transport does not exist in Sta1 and does not speak in Sta4
  if (state === 'Sta1' && event !== 'Evt1' && event !== 'Evt5') continue;
  if (action === '.' && ['Evt1', 'Evt2', 'Evt5'].includes(event)) continue;
  if (
    action === '.' &&
    state === 'Sta4' &&
    ['Evt3', 'Evt4', 'Evt6', 'Evt10', 'Evt12', 'Evt13', 'Evt16', 'Evt19'].includes(event)
  )
    continue;
  test(`${event} in ${state}: ${action === '.' ? 'nothing' : action}`, async () => {
    const rig = new Rig(role);
    await WAYS[state](rig);
    assert.is(rig.provider.state, state);
    rig.sent();
    rig.told.length = 0;
    await TRIGGERS[event](rig);
    const wanted = action === '.' ? { next: state } : ACTIONS[action]!;
    assert.is(rig.provider.state, wanted.next);
    assert.equal(rig.sent(), wanted.sends ? [wanted.sends] : []);
    const told = event === 'Evt15' && action !== '.' ? 'aborted self' : wanted.tells;
    assert.equal(rig.told, told ? [told] : []);
    if (event !== 'Evt17') assert.is(rig.closed, wanted.closes ?? false);
    rig.clock.advance(1000);
    if (rig.provider.state === 'Sta13' || wanted.next === 'Sta13') assert.is(rig.provider.state, 'Sta1');
  });
}

test('the branches: a request of another protocol version is rejected, a release collision on the acceptor waits', async () => {
  const acceptor = new Rig('acceptor');
  acceptor.provider.start();
  await acceptor.receive(encodePdu({ ...RQ, protocolVersion: 2 }));
  assert.equal([acceptor.provider.state, acceptor.sent(), acceptor.told], ['Sta13', ['A-ASSOCIATE-RJ'], []]);
  const collision = new Rig('acceptor');
  await WAYS.Sta7(collision);
  collision.sent();
  collision.told.length = 0;
  await collision.receive(release);
  assert.equal([collision.provider.state, collision.sent(), collision.told], ['Sta10', [], []]);
});

test.run();
