import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { examMachine } from '../../machines/exam.js';
import { type ExamContext, type ExamEvent, startExam } from '../../machines/exam.types.js';
import type { RangeRef } from '../../machines/types.js';
import { actorEvents, type MachineEvent, problems, stand, type Table } from './table.js';

const test = suite('exam: state x event');

const ranges: RangeRef[] = [
  { id: 'low', kind: 'ct' },
  { id: 'body', kind: 'pet' },
];
const fresh = startExam({ examId: 'E1', ranges });
const acquired: ExamContext = {
  ...fresh,
  started: true,
  acquired: { completed: ['low', 'body'], outcome: 'completed', results: [] },
};
const job = { rangeId: 'low', kind: 'ct' as const, state: 'queued' as const, summary: null, error: null };

const commands: { [T in ExamEvent['type']]: Extract<ExamEvent, { type: T }> } = {
  ABORT: { type: 'ABORT' },
  HOLD: { type: 'HOLD' },
  RESUME: { type: 'RESUME' },
  CONTINUE: { type: 'CONTINUE' },
  RANGE_COMPLETED: { type: 'RANGE_COMPLETED', rangeId: 'low', kind: 'ct' },
  INTERLOCK_OPENED: { type: 'INTERLOCK_OPENED', reason: 'door' },
  INTERLOCK_CLOSED: { type: 'INTERLOCK_CLOSED' },
  EMERGENCY_STOPPED: { type: 'EMERGENCY_STOPPED' },
  LINK_LOST: { type: 'LINK_LOST', device: 'table' },
  LINK_RESTORED: { type: 'LINK_RESTORED', device: 'table' },
  FAULT: { type: 'FAULT', device: 'table', code: 'overload' },
};
const outputs = {
  inspectExam: { decision: 'resume', started: true, ended: false },
  announceStart: {},
  acquisition: { completed: ['low', 'body'], outcome: 'completed', results: [] },
  makeSafe: {},
  reconstruct: {},
  storeResults: {},
  announceEnd: {},
};
const regions = {
  'done:acquisitionRegion': { type: 'xstate.done.state.exam.working.acquisition' },
  'done:reconstructionRegion': { type: 'xstate.done.state.exam.working.reconstruction' },
  'done:working': { type: 'xstate.done.state.exam.working' },
};
const events: Record<string, MachineEvent> = {
  ...commands,
  ...actorEvents(outputs, new ScannerError('data.disk', {})),
  ...regions,
  'after:closePause': { type: 'xstate.after.closePause.exam.retryingClose' },
};

const SAFETY = 'INTERLOCK_OPENED INTERLOCK_CLOSED EMERGENCY_STOPPED LINK_LOST LINK_RESTORED FAULT';
const OPERATOR = 'HOLD RESUME CONTINUE';
const REGIONS = 'done:acquisitionRegion done:reconstructionRegion';

function working(acquisition: string, reconstruction: string) {
  return { working: { acquisition, reconstruction } };
}
function name(acquisition: string, reconstruction: string) {
  return `working.acquisition.${acquisition}+working.reconstruction.${reconstruction}`;
}
const recovering = (from: string, context: Partial<ExamContext>, next: string, failed: string) => ({
  value: 'recovering',
  context: { ...fresh, ...context, recoveredFrom: from },
  row: {
    [next]: next === failed ? 'done:inspectExam error:inspectExam' : 'done:inspectExam',
    ...(next === failed ? {} : { [failed]: 'error:inspectExam' }),
    stay: `ABORT ${SAFETY}`,
    reported: `${OPERATOR} RANGE_COMPLETED *internal`,
  },
});
const children = { acquisition: stand('acquisition') };

const table: Table = {
  machine: examMachine,
  events,
  rows: {
    'recovering from registering': recovering('registering', {}, name('acquiring', 'waiting'), 'closing'),
    'recovering from acquiring': recovering(
      name('acquiring', 'waiting'),
      { started: true },
      name('acquiring', 'waiting'),
      name('acquiring', 'waiting'),
    ),
    'recovering from securing': recovering(
      name('securing', 'waiting'),
      acquired,
      name('securing', 'settled'),
      name('securing', 'settled'),
    ),
    'recovering from reconstructing': recovering(
      name('acquired', 'reconstructing'),
      { ...acquired, reconstructions: [job] },
      name('acquired', 'reconstructing'),
      'storing',
    ),
    'recovering from storing': recovering('storing', acquired, 'storing', 'storing'),
    'recovering from closing': recovering('closing', acquired, 'closing', 'storing'),
    registering: {
      value: 'registering',
      context: fresh,
      row: {
        [name('acquiring', 'waiting')]: 'done:announceStart',
        closing: 'error:announceStart',
        stay: `ABORT ${SAFETY}`,
        reported: `${OPERATOR} RANGE_COMPLETED *internal`,
      },
    },
    'registering, aborted': {
      value: 'registering',
      context: { ...fresh, aborted: true },
      row: {
        closing: 'done:announceStart error:announceStart',
        stay: `ABORT ${SAFETY}`,
        reported: `${OPERATOR} RANGE_COMPLETED *internal`,
      },
    },
    acquiring: {
      value: working('acquiring', 'waiting'),
      context: { ...fresh, started: true },
      children,
      row: {
        [name('acquiring', 'reconstructing')]: 'RANGE_COMPLETED',
        [name('acquired', 'reconstructing')]: 'done:acquisition',
        [name('securing', 'settled')]: 'error:acquisition',
        closing: 'done:working',
        stay: `ABORT ${OPERATOR} ${SAFETY} ${REGIONS}`,
        reported: '*internal',
      },
    },
    'acquiring and reconstructing': {
      value: working('acquiring', 'reconstructing'),
      context: { ...fresh, started: true, reconstructions: [job] },
      children,
      row: {
        [name('acquiring', 'waiting')]: 'done:reconstruct error:reconstruct',
        [name('acquired', 'reconstructing')]: 'done:acquisition',
        [name('securing', 'reconstructing')]: 'error:acquisition',
        closing: 'done:working',
        stay: `ABORT RANGE_COMPLETED ${OPERATOR} ${SAFETY} ${REGIONS}`,
        reported: '*internal',
      },
    },
    securing: {
      value: working('securing', 'settled'),
      context: { ...acquired, acquired: { completed: [], outcome: 'failed', results: [] } },
      row: {
        closing: 'done:makeSafe error:makeSafe done:working',
        stay: `ABORT RANGE_COMPLETED ${SAFETY} ${REGIONS}`,
        reported: `${OPERATOR} *internal`,
      },
    },
    reconstructing: {
      value: working('acquired', 'reconstructing'),
      context: { ...acquired, reconstructions: [job] },
      row: {
        storing: 'ABORT done:reconstruct error:reconstruct done:working',
        stay: `RANGE_COMPLETED ${SAFETY} ${REGIONS}`,
        reported: `${OPERATOR} *internal`,
      },
    },
    storing: {
      value: 'storing',
      context: acquired,
      row: {
        closing: 'done:storeResults error:storeResults',
        stay: SAFETY,
        reported: `ABORT RANGE_COMPLETED ${OPERATOR} *internal`,
      },
    },
    closing: {
      value: 'closing',
      context: acquired,
      row: {
        completed: 'done:announceEnd',
        retryingClose: 'error:announceEnd',
        stay: SAFETY,
        reported: `ABORT RANGE_COMPLETED ${OPERATOR} *internal`,
      },
    },
    'closing an aborted exam for the last time': {
      value: 'closing',
      context: { ...acquired, aborted: true, closeAttempts: 5 },
      row: {
        discontinued: 'done:announceEnd error:announceEnd',
        stay: SAFETY,
        reported: `ABORT RANGE_COMPLETED ${OPERATOR} *internal`,
      },
    },
    retryingClose: {
      value: 'retryingClose',
      context: acquired,
      row: {
        closing: 'after:closePause',
        stay: SAFETY,
        reported: `ABORT RANGE_COMPLETED ${OPERATOR} *internal`,
      },
    },
  },
};

test('every state and event has its outcome in the table', () => assert.equal(problems(table), []));

test.run();
