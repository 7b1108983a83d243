import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createActor } from 'xstate';
import { ManualClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import { acquisitionMachine } from '../../machines/acquisition.js';
import { type AcquisitionContext, type AcquisitionEvent, startContext } from '../../machines/acquisition.types.js';
import { machineClock } from '../../machines/clock.js';
import { type RangeRef, stateName } from '../../machines/types.js';
import { settled } from './deferred.js';
import { actorEvents, type MachineEvent, problems, type Row, restingStates, type Table } from './table.js';

const test = suite('acquisition: state x event');

const ranges: RangeRef[] = [
  { id: 'scout', kind: 'topogram' },
  { id: 'low', kind: 'ct' },
  { id: 'body', kind: 'pet' },
];
const fresh = startContext({ examId: 'E1', ranges });
const onCt: AcquisitionContext = { ...fresh, index: 1, completed: ['scout'] };
const onPet: AcquisitionContext = { ...fresh, index: 2, completed: ['scout', 'low'] };

const commands: { [T in AcquisitionEvent['type']]: Extract<AcquisitionEvent, { type: T }> } = {
  ABORT: { type: 'ABORT' },
  HOLD: { type: 'HOLD' },
  RESUME: { type: 'RESUME' },
  CONTINUE: { type: 'CONTINUE' },
  INTERLOCK_OPENED: { type: 'INTERLOCK_OPENED', reason: 'door' },
  INTERLOCK_CLOSED: { type: 'INTERLOCK_CLOSED' },
  EMERGENCY_STOPPED: { type: 'EMERGENCY_STOPPED' },
  LINK_LOST: { type: 'LINK_LOST', device: 'table' },
  LINK_RESTORED: { type: 'LINK_RESTORED', device: 'table' },
  FAULT: { type: 'FAULT', device: 'table', code: 'overload' },
};
const steps = ['check', 'position', 'prepare', 'arm', 'scan', 'drain'].map((step) => `${step}Range`);
const outputs = Object.fromEntries([...steps, 'makeSafe'].map((id) => [id, {}]));
const resume = { decision: 'resume', reason: 'idle' };

const events: Record<string, MachineEvent> = {
  ...commands,
  'LINK_LOST:gating': { type: 'LINK_LOST', device: 'gating' } as MachineEvent,
  'FAULT:gating': { type: 'FAULT', device: 'gating', code: 'noSignal' } as MachineEvent,
  ...actorEvents({ ...outputs, inspectHardware: resume }, new ScannerError('timeout.command', {})),
  'after:pause': { type: 'xstate.after.makeSafePause.acquisition.makingSafe.pausing' },
  'after:safeLimit': { type: 'xstate.after.interruptedLimit.acquisition.makingSafe' },
  'after:waitLimit': { type: 'xstate.after.interruptedLimit.acquisition.interrupted' },
};

const HAZARDS = 'INTERLOCK_OPENED EMERGENCY_STOPPED LINK_LOST FAULT';
const OTHERS = 'INTERLOCK_CLOSED LINK_RESTORED LINK_LOST:gating FAULT:gating';

/** A step of a range: forward when its actor is done, safe when anything else ends it. */
function step(actor: string, next: string): Row {
  return {
    [next]: `done:${actor}`,
    'makingSafe.stopping': `error:${actor} ABORT ${HAZARDS}`,
    stay: `HOLD RESUME ${OTHERS}`,
    reported: 'CONTINUE *internal',
  };
}

const in_ = (name: string) => ({ running: name });
const table: Table = {
  machine: acquisitionMachine,
  events,
  rows: {
    recovering: {
      value: 'recovering',
      context: { ...onCt, recoveredFrom: 'running.scanning' },
      row: {
        'makingSafe.stopping': 'done:inspectHardware error:inspectHardware ABORT',
        stay: `${HAZARDS} ${OTHERS}`,
        reported: 'HOLD RESUME CONTINUE *internal',
      },
    },
    checking: { value: in_('checking'), context: onCt, row: step('checkRange', 'running.positioning') },
    positioning: { value: in_('positioning'), context: onCt, row: step('positionRange', 'running.preparing') },
    preparing: { value: in_('preparing'), context: onCt, row: step('prepareRange', 'running.arming') },
    arming: { value: in_('arming'), context: onCt, row: step('armRange', 'running.scanning') },
    scanning: { value: in_('scanning'), context: onCt, row: step('scanRange', 'running.draining') },
    draining: { value: in_('draining'), context: onCt, row: step('drainRange', 'running.checking') },
    'draining the last range': { value: in_('draining'), context: onPet, row: step('drainRange', 'completed') },
    'draining before a hold': {
      value: in_('draining'),
      context: { ...onCt, hold: true },
      row: step('drainRange', 'running.held'),
    },
    'draining before a range whose device is lost': {
      value: in_('draining'),
      context: { ...onCt, blockers: ['link:petrings'] },
      row: {
        ...step('drainRange', 'nowhere'),
        nowhere: '',
        'makingSafe.stopping': `done:drainRange error:drainRange ABORT ${HAZARDS}`,
      },
    },
    held: {
      value: in_('held'),
      context: { ...onCt, hold: true },
      row: {
        'running.checking': 'RESUME',
        'makingSafe.stopping': `ABORT ${HAZARDS}`,
        stay: `HOLD ${OTHERS}`,
        reported: 'CONTINUE *internal',
      },
    },
    'making safe, to be interrupted': {
      value: { makingSafe: 'stopping' },
      context: { ...onCt, safeAttempts: 1 },
      row: {
        interrupted: 'done:makeSafe',
        'makingSafe.pausing': 'error:makeSafe',
        failed: 'after:safeLimit',
        stay: `ABORT ${HAZARDS} ${OTHERS}`,
        reported: 'HOLD RESUME CONTINUE *internal',
      },
    },
    'making safe, to be aborted, last try': {
      value: { makingSafe: 'stopping' },
      context: { ...onCt, verdict: 'aborted', safeAttempts: 3, blockers: ['link:table'] },
      row: {
        aborted: 'done:makeSafe',
        failed: 'error:makeSafe after:safeLimit',
        stay: `ABORT ${HAZARDS} ${OTHERS}`,
        reported: 'HOLD RESUME CONTINUE *internal',
      },
    },
    'making safe, last try, but a link is lost': {
      value: { makingSafe: 'stopping' },
      context: { ...onCt, safeAttempts: 3, blockers: ['link:table'] },
      row: {
        interrupted: 'done:makeSafe',
        'makingSafe.pausing': 'error:makeSafe',
        failed: 'after:safeLimit',
        stay: `ABORT ${HAZARDS} ${OTHERS}`,
        reported: 'HOLD RESUME CONTINUE *internal',
      },
    },
    'making safe, to fail': {
      value: { makingSafe: 'stopping' },
      context: { ...onCt, verdict: 'failed', safeAttempts: 1 },
      row: {
        failed: 'done:makeSafe after:safeLimit',
        'makingSafe.pausing': 'error:makeSafe',
        stay: `ABORT ${HAZARDS} ${OTHERS}`,
        reported: 'HOLD RESUME CONTINUE *internal',
      },
    },
    'making safe, the link of a PET range is back': {
      value: { makingSafe: 'stopping' },
      context: { ...onPet, selfResume: true, safeAttempts: 1 },
      row: {
        'running.checking': 'done:makeSafe',
        'makingSafe.pausing': 'error:makeSafe',
        failed: 'after:safeLimit',
        stay: `ABORT ${HAZARDS} ${OTHERS}`,
        reported: 'HOLD RESUME CONTINUE *internal',
      },
    },
    'between two tries of making safe': {
      value: { makingSafe: 'pausing' },
      context: { ...onCt, safeAttempts: 1 },
      row: {
        'makingSafe.stopping': 'after:pause',
        failed: 'after:safeLimit',
        stay: `ABORT ${HAZARDS} ${OTHERS}`,
        reported: 'HOLD RESUME CONTINUE *internal',
      },
    },
    'interrupted X-ray range': {
      value: 'interrupted',
      context: { ...onCt, selfResume: true, blockers: [] },
      row: {
        'running.checking': 'CONTINUE',
        aborted: 'ABORT',
        failed: 'after:waitLimit',
        stay: `${HAZARDS} ${OTHERS}`,
        reported: 'HOLD RESUME *internal',
      },
    },
    'interrupted X-ray range, the door still open': {
      value: 'interrupted',
      context: { ...onCt, selfResume: true, blockers: ['interlock'] },
      row: {
        aborted: 'ABORT',
        failed: 'after:waitLimit',
        stay: `CONTINUE ${HAZARDS} ${OTHERS}`,
        reported: 'HOLD RESUME *internal',
      },
    },
    'interrupted PET range, the door still open': {
      value: 'interrupted',
      context: { ...onPet, selfResume: true, blockers: ['interlock'] },
      row: {
        'running.checking': 'INTERLOCK_CLOSED',
        aborted: 'ABORT',
        failed: 'after:waitLimit',
        stay: `CONTINUE ${HAZARDS} LINK_RESTORED LINK_LOST:gating FAULT:gating`,
        reported: 'HOLD RESUME *internal',
      },
    },
    'interrupted PET range after a device fault': {
      value: 'interrupted',
      context: { ...onPet, selfResume: false, blockers: ['interlock'] },
      row: {
        aborted: 'ABORT',
        failed: 'after:waitLimit',
        stay: `CONTINUE ${HAZARDS} ${OTHERS}`,
        reported: 'HOLD RESUME *internal',
      },
    },
    'PET range that resumed itself too often': {
      value: 'interrupted',
      context: { ...onPet, attempt: 3, selfResume: true, blockers: ['link:table'] },
      row: {
        aborted: 'ABORT',
        failed: 'after:waitLimit',
        stay: `CONTINUE ${HAZARDS} ${OTHERS}`,
        reported: 'HOLD RESUME *internal',
      },
    },
  },
};

test('every state and event has its outcome in the table', () => assert.equal(problems(table), []));

test('a state or an event that is missing in the table is noticed', () => {
  const { held, ...rows } = table.rows;
  assert.ok(held);
  assert.equal(problems({ ...table, rows }), ['state without a row: running.held']);
  const { HOLD, ...fewer } = events;
  assert.ok(HOLD);
  assert.ok(problems({ ...table, events: fewer }).includes('event without a column: HOLD'));
  const stays = { ...held, row: { ...held.row, 'running.checking': '', stay: `RESUME ${held.row.stay}` } };
  assert.equal(problems({ ...table, rows: { ...table.rows, held: stays } }), [
    'held + RESUME: running.checking, table says stay',
  ]);
});

test('every row takes an abort', () => {
  const aborting = Object.entries(table.rows).filter(([, { row }]) => !Object.values(row).join(' ').includes('ABORT'));
  assert.equal(aborting, []);
  assert.is(restingStates(acquisitionMachine).length, 11);
});

test('without its surroundings it fails loudly and never scans', async () => {
  const clock = new ManualClock();
  const actor = createActor(acquisitionMachine, { input: { examId: 'E1', ranges }, clock: machineClock(clock) });
  const states: string[] = [];
  actor.subscribe(({ value }) => states.push(stateName(value)));
  actor.start();
  for (let i = 0; i < 10; i++) {
    await settled();
    clock.advance(250);
  }
  assert.is(actor.getSnapshot().output?.outcome, 'failed');
  assert.is(actor.getSnapshot().output?.error?.code, 'bug.contract');
  assert.not.ok(states.some((state) => /arming|scanning/.test(state)));
});

test.run();
