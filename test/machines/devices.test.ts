import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { type GatingMachineEvent, gatingMachine } from '../../machines/gating.js';
import { type GeneratorMachineEvent, generatorMachine } from '../../machines/generator.js';
import { type InterlockMachineEvent, interlockMachine } from '../../machines/interlock.js';
import { type LinkEvent, linkMachine } from '../../machines/link.js';
import { type MotionEvent, motionMachine } from '../../machines/motion.js';
import { type PetRingsMachineEvent, petringsMachine } from '../../machines/petrings.js';
import { actorEvents, type MachineEvent, problems, type Table } from './table.js';

const test = suite('device machines: state x event');

/** One example of each event of the union; the compiler sees to it that none is missing. */
type Examples<E extends MachineEvent> = { [T in E['type']]: Extract<E, { type: T }> };

const linkContext = { device: 'table', firstPauseMs: 1, longestPauseMs: 8, attempts: 1, error: null };
const linkEvents: Examples<LinkEvent> = {
  LINK_DROPPED: { type: 'LINK_DROPPED', code: 'linkLost' },
  RECONNECT: { type: 'RECONNECT' },
  CLOSE: { type: 'CLOSE' },
};
const link: Table = {
  machine: linkMachine,
  events: {
    ...linkEvents,
    ...actorEvents({ connect: {}, reconnect: {} }, new ScannerError('link.open', {})),
    'after:backOff': { type: 'xstate.after.backOff.link.lost' },
  },
  rows: {
    connecting: {
      value: 'connecting',
      context: linkContext,
      row: {
        up: 'done:connect',
        lost: 'error:connect',
        closed: 'CLOSE',
        stay: 'LINK_DROPPED RECONNECT',
        reported: '*internal',
      },
    },
    up: {
      value: 'up',
      context: linkContext,
      row: { lost: 'LINK_DROPPED', closed: 'CLOSE', stay: 'RECONNECT', reported: '*internal' },
    },
    lost: {
      value: 'lost',
      context: linkContext,
      row: { reconnecting: 'after:backOff RECONNECT', closed: 'CLOSE', stay: 'LINK_DROPPED', reported: '*internal' },
    },
    reconnecting: {
      value: 'reconnecting',
      context: linkContext,
      row: {
        up: 'done:reconnect',
        lost: 'error:reconnect',
        closed: 'CLOSE',
        stay: 'LINK_DROPPED RECONNECT',
        reported: '*internal',
      },
    },
  },
};

const motionEvents: Examples<MotionEvent> = {
  MOVE_STARTED: { type: 'MOVE_STARTED' },
  MOVE_ENDED: { type: 'MOVE_ENDED' },
  ROTATION_STARTED: { type: 'ROTATION_STARTED' },
  ROTATION_STOPPED: { type: 'ROTATION_STOPPED' },
  FEED_STARTED: { type: 'FEED_STARTED' },
  FEED_ENDED: { type: 'FEED_ENDED' },
  HALTED: { type: 'HALTED', reason: 'host' },
};
const still = { rotating: false, haltReason: null };
const turning = { rotating: true, haltReason: null };
const motion: Table = {
  machine: motionMachine,
  events: { ...motionEvents, UNKNOWN: { type: 'UNKNOWN' } },
  rows: {
    idle: {
      value: 'idle',
      context: still,
      row: {
        positioning: 'MOVE_STARTED',
        spinning: 'ROTATION_STARTED',
        feeding: 'FEED_STARTED',
        halted: 'HALTED',
        stay: 'MOVE_ENDED ROTATION_STOPPED FEED_ENDED',
        reported: 'UNKNOWN',
      },
    },
    positioning: {
      value: 'positioning',
      context: still,
      row: {
        idle: 'MOVE_ENDED',
        feeding: 'FEED_STARTED',
        halted: 'HALTED',
        stay: 'ROTATION_STARTED ROTATION_STOPPED',
        reported: 'MOVE_STARTED FEED_ENDED UNKNOWN',
      },
    },
    'positioning while the gantry turns': {
      value: 'positioning',
      context: turning,
      row: {
        spinning: 'MOVE_ENDED',
        feeding: 'FEED_STARTED',
        halted: 'HALTED',
        stay: 'ROTATION_STARTED ROTATION_STOPPED',
        reported: 'MOVE_STARTED FEED_ENDED UNKNOWN',
      },
    },
    spinning: {
      value: 'spinning',
      context: turning,
      row: {
        idle: 'ROTATION_STOPPED',
        positioning: 'MOVE_STARTED',
        feeding: 'FEED_STARTED',
        halted: 'HALTED',
        stay: 'ROTATION_STARTED MOVE_ENDED FEED_ENDED',
        reported: 'UNKNOWN',
      },
    },
    feeding: {
      value: 'feeding',
      context: turning,
      row: {
        spinning: 'FEED_ENDED MOVE_ENDED',
        halted: 'HALTED',
        stay: 'ROTATION_STARTED ROTATION_STOPPED MOVE_STARTED FEED_STARTED',
        reported: 'UNKNOWN',
      },
    },
    'feeding past a standing tube': {
      value: 'feeding',
      context: still,
      row: {
        idle: 'FEED_ENDED MOVE_ENDED',
        halted: 'HALTED',
        stay: 'ROTATION_STARTED ROTATION_STOPPED MOVE_STARTED FEED_STARTED',
        reported: 'UNKNOWN',
      },
    },
    halted: {
      value: 'halted',
      context: { rotating: false, haltReason: 'host' },
      row: {
        positioning: 'MOVE_STARTED',
        spinning: 'ROTATION_STARTED',
        feeding: 'FEED_STARTED',
        stay: 'HALTED MOVE_ENDED ROTATION_STOPPED FEED_ENDED',
        reported: 'UNKNOWN',
      },
    },
  },
};

const generatorEvents: Examples<GeneratorMachineEvent> = {
  STANDBY_ENTERED: { type: 'STANDBY_ENTERED' },
  PREHEAT_STARTED: { type: 'PREHEAT_STARTED' },
  BECAME_READY: { type: 'BECAME_READY' },
  WAS_ARMED: { type: 'WAS_ARMED' },
  EXPOSURE_STARTED: { type: 'EXPOSURE_STARTED', kv: 120, ma: 100 },
  EXPOSURE_ENDED: { type: 'EXPOSURE_ENDED', reason: 'window', seconds: 1, mas: 100 },
  DISARMED: { type: 'DISARMED', reason: 'host' },
  FAULTED: { type: 'FAULTED', code: 'arc' },
};
const cold = { kv: 0, ma: 0, lastExposure: null, fault: null };
/** The device leads: from everywhere the phase it names is followed. */
const phases = {
  standby: 'STANDBY_ENTERED',
  preheating: 'PREHEAT_STARTED',
  ready: 'BECAME_READY',
  armed: 'WAS_ARMED',
  exposing: 'EXPOSURE_STARTED',
  faulted: 'FAULTED',
};
function phase(own: keyof typeof phases, stay: string, more: Record<string, string> = {}) {
  const { [own]: same, ...others } = phases;
  const row: Record<string, string> = { ...others, stay: `${same} ${stay}`, reported: 'UNKNOWN' };
  for (const [target, labels] of Object.entries(more)) row[target] = `${row[target] ?? ''} ${labels}`;
  return { value: own, context: cold, row };
}
const generator: Table = {
  machine: generatorMachine,
  events: { ...generatorEvents, UNKNOWN: { type: 'UNKNOWN' } },
  rows: {
    standby: phase('standby', 'EXPOSURE_ENDED DISARMED'),
    preheating: phase('preheating', 'EXPOSURE_ENDED DISARMED'),
    ready: phase('ready', 'EXPOSURE_ENDED DISARMED'),
    armed: phase('armed', 'EXPOSURE_ENDED', { ready: 'DISARMED' }),
    exposing: phase('exposing', 'DISARMED', { ready: 'EXPOSURE_ENDED' }),
    faulted: phase('faulted', 'EXPOSURE_ENDED DISARMED'),
  },
};

const ringEvents: Examples<PetRingsMachineEvent> = {
  FRAME_STARTED: { type: 'FRAME_STARTED', frameId: 1 },
  FRAME_ENDED: { type: 'FRAME_ENDED', frameId: 1, reason: 'time', seconds: 10 },
  DRAINED: { type: 'DRAINED', frameId: 1, words: 1000 },
  WENT_IDLE: { type: 'WENT_IDLE' },
  FAULTED: { type: 'FAULTED', code: 'blockTemperature' },
};
const noFrame = { frameId: null, lastFrame: null, fault: null };
const petrings: Table = {
  machine: petringsMachine,
  events: { ...ringEvents },
  rows: {
    idle: {
      value: 'idle',
      context: noFrame,
      row: { acquiring: 'FRAME_STARTED', faulted: 'FAULTED', stay: 'WENT_IDLE DRAINED', reported: 'FRAME_ENDED' },
    },
    acquiring: {
      value: 'acquiring',
      context: { ...noFrame, frameId: 1 },
      row: {
        draining: 'FRAME_ENDED',
        idle: 'WENT_IDLE',
        faulted: 'FAULTED',
        stay: 'FRAME_STARTED',
        reported: 'DRAINED',
      },
    },
    draining: {
      value: 'draining',
      context: { ...noFrame, frameId: 1 },
      row: { idle: 'DRAINED WENT_IDLE', acquiring: 'FRAME_STARTED', faulted: 'FAULTED', reported: 'FRAME_ENDED' },
    },
    faulted: {
      value: 'faulted',
      context: { ...noFrame, fault: 'blockTemperature' },
      row: { idle: 'WENT_IDLE', acquiring: 'FRAME_STARTED', stay: 'FAULTED', reported: 'FRAME_ENDED DRAINED' },
    },
  },
};

const gatingEvents: Examples<GatingMachineEvent> = {
  SIGNAL_ENABLED: { type: 'SIGNAL_ENABLED' },
  SIGNAL_DISABLED: { type: 'SIGNAL_DISABLED' },
  RHYTHM_FOUND: { type: 'RHYTHM_FOUND', perMinute: 60 },
  RHYTHM_LOST: { type: 'RHYTHM_LOST' },
};
const signal = { source: 'ecg', perMinute: null };
const gating: Table = {
  machine: gatingMachine,
  events: { ...gatingEvents },
  rows: {
    off: {
      value: 'off',
      context: signal,
      row: { searching: 'SIGNAL_ENABLED', reported: 'SIGNAL_DISABLED RHYTHM_FOUND RHYTHM_LOST' },
    },
    searching: {
      value: 'searching',
      context: signal,
      row: { off: 'SIGNAL_DISABLED', triggering: 'RHYTHM_FOUND', lost: 'RHYTHM_LOST', reported: 'SIGNAL_ENABLED' },
    },
    triggering: {
      value: 'triggering',
      context: { ...signal, perMinute: 60 },
      row: { off: 'SIGNAL_DISABLED', lost: 'RHYTHM_LOST', reported: 'SIGNAL_ENABLED RHYTHM_FOUND' },
    },
    lost: {
      value: 'lost',
      context: signal,
      row: { off: 'SIGNAL_DISABLED', triggering: 'RHYTHM_FOUND', reported: 'SIGNAL_ENABLED RHYTHM_LOST' },
    },
  },
};

const chainEvents: Examples<InterlockMachineEvent> = {
  CHAIN_CLOSED: { type: 'CHAIN_CLOSED' },
  CHAIN_OPENED: { type: 'CHAIN_OPENED', reason: 'door' },
  CHAIN_TRIPPED: { type: 'CHAIN_TRIPPED' },
};
const chain = { closed: 'CHAIN_CLOSED', open: 'CHAIN_OPENED', tripped: 'CHAIN_TRIPPED' };
const chainRow = (own: keyof typeof chain) => {
  const { [own]: stay, ...others } = chain;
  return { value: own, context: { reason: null }, row: { ...others, stay, reported: 'UNKNOWN' } };
};
const interlock: Table = {
  machine: interlockMachine,
  events: { ...chainEvents, UNKNOWN: { type: 'UNKNOWN' } },
  rows: { closed: chainRow('closed'), open: chainRow('open'), tripped: chainRow('tripped') },
};

for (const [name, table] of Object.entries({ link, motion, generator, petrings, gating, interlock })) {
  test(`${name}: every state and event has its outcome in the table`, () => assert.equal(problems(table), []));
}

test.run();
