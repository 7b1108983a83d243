import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { type ReconstructionEvent, reconstructionMachine } from '../../machines/reconstruction.js';
import { sendMachine } from '../../machines/send.js';
import { type SendContext, type SendEvent, startSend } from '../../machines/send.types.js';
import { actorEvents, failed, type MachineEvent, problems, type Table } from './table.js';

const test = suite('job machines: state x event');

type Examples<E extends MachineEvent> = { [T in E['type']]: Extract<E, { type: T }> };

const jobEvents: Examples<ReconstructionEvent> = {
  START: { type: 'START' },
  CANCEL: { type: 'CANCEL' },
  PROGRESSED: { type: 'PROGRESSED', fraction: 0.5 },
};
const job = {
  jobId: 'J1',
  examId: 'E1',
  rangeId: 'low',
  kind: 'ct' as const,
  attempt: 1,
  progress: 0,
  result: null,
  error: null,
  recoveredFrom: null,
};
const kernel = failed('runReconstruction', new ScannerError('native.failed', { kernel: 'fbp', message: 'x' }));
const recoveringJob = (attempt: number) => ({
  value: 'recovering',
  context: { ...job, attempt, recoveredFrom: 'running' },
});
const reconstruction: Table = {
  machine: reconstructionMachine,
  events: {
    ...jobEvents,
    ...actorEvents(
      { inspectReconstruction: { decision: 'resume', result: null }, runReconstruction: {} },
      new ScannerError('data.truncated', {}),
    ),
    'error:kernel': kernel,
    'done:found': {
      type: 'xstate.done.actor.inspectReconstruction',
      output: { decision: 'done', result: {} },
    } as MachineEvent,
    'done:gone': {
      type: 'xstate.done.actor.inspectReconstruction',
      output: { decision: 'discontinue', result: null },
    } as MachineEvent,
  },
  rows: {
    queued: {
      value: 'queued',
      context: { ...job, attempt: 0 },
      row: { running: 'START', cancelled: 'CANCEL', stay: 'PROGRESSED', reported: '*internal' },
    },
    running: {
      value: 'running',
      context: job,
      row: {
        done: 'done:runReconstruction',
        running: 'error:kernel',
        failed: 'error:runReconstruction',
        cancelled: 'CANCEL',
        stay: 'PROGRESSED',
        reported: 'START *internal',
      },
    },
    'running again': {
      value: 'running',
      context: { ...job, attempt: 2 },
      row: {
        done: 'done:runReconstruction',
        failed: 'error:kernel error:runReconstruction',
        cancelled: 'CANCEL',
        stay: 'PROGRESSED',
        reported: 'START *internal',
      },
    },
    recovering: {
      ...recoveringJob(1),
      row: {
        queued: 'done:inspectReconstruction',
        done: 'done:found',
        cancelled: 'CANCEL done:gone',
        failed: 'error:inspectReconstruction',
        stay: 'PROGRESSED',
        reported: 'START *internal',
      },
    },
    'recovering what ended the process three times': {
      ...recoveringJob(3),
      row: {
        failed: 'done:inspectReconstruction done:gone error:inspectReconstruction',
        done: 'done:found',
        cancelled: 'CANCEL',
        stay: 'PROGRESSED',
        reported: 'START *internal',
      },
    },
  },
};

const sendEvents: Examples<SendEvent> = {
  START: { type: 'START' },
  CANCEL: { type: 'CANCEL' },
  ACKNOWLEDGED: { type: 'ACKNOWLEDGED', uids: ['1.1'] },
  COMMITMENT_REPORTED: { type: 'COMMITMENT_REPORTED', committed: ['1.1', '1.2'], failed: [] },
};
const sending: SendContext = {
  ...startSend({ sendId: 'S1', node: 'PACS', instances: ['1.1', '1.2'], commitment: true }),
  attempts: 1,
};
const sent: SendContext = { ...sending, acknowledged: ['1.1', '1.2'], commitmentAttempts: 1 };
const send: Table = {
  machine: sendMachine,
  events: {
    ...sendEvents,
    'COMMITMENT_REPORTED:part': { type: 'COMMITMENT_REPORTED', committed: ['1.1'], failed: [] } as MachineEvent,
    'COMMITMENT_REPORTED:failed': { type: 'COMMITMENT_REPORTED', committed: ['1.1'], failed: ['1.2'] } as MachineEvent,
    ...actorEvents(
      {
        inspectSend: { acknowledged: ['1.1'], committed: [] },
        sendBatch: { acknowledged: ['1.1', '1.2'], refused: [] },
        requestCommitment: {},
      },
      new ScannerError('peer.connect', {}),
    ),
    'done:refused': {
      type: 'xstate.done.actor.sendBatch',
      output: { acknowledged: ['1.1'], refused: [{ uid: '1.2', status: 0xa900 }] },
    } as MachineEvent,
    'done:silent': {
      type: 'xstate.done.actor.sendBatch',
      output: { acknowledged: ['1.1'], refused: [] },
    } as MachineEvent,
    'error:forGood': failed('sendBatch', new ScannerError('peer.context', {})),
    'after:backOff': { type: 'xstate.after.backOff.send.backingOff' },
    'after:limit': { type: 'xstate.after.commitmentLimit.send.awaitingCommitment' },
    'after:listened': { type: 'xstate.after.commitmentLimit.send.listening' },
  },
  rows: {
    recovering: {
      value: 'recovering',
      context: { ...sending, recoveredFrom: 'sending' },
      row: {
        queued: 'done:inspectSend',
        failed: 'error:inspectSend',
        cancelled: 'CANCEL',
        stay: 'COMMITMENT_REPORTED COMMITMENT_REPORTED:part COMMITMENT_REPORTED:failed',
        reported: 'START ACKNOWLEDGED *internal',
      },
    },
    queued: {
      value: 'queued',
      context: { ...sending, attempts: 0 },
      row: {
        sending: 'START',
        cancelled: 'CANCEL',
        stay: 'COMMITMENT_REPORTED COMMITMENT_REPORTED:part COMMITMENT_REPORTED:failed',
        reported: 'ACKNOWLEDGED *internal',
      },
    },
    sending: {
      value: 'sending',
      context: sending,
      row: {
        awaitingCommitment: 'done:sendBatch done:refused',
        backingOff: 'error:sendBatch',
        failed: 'error:forGood done:silent',
        cancelled: 'CANCEL',
        stay: 'ACKNOWLEDGED COMMITMENT_REPORTED COMMITMENT_REPORTED:part COMMITMENT_REPORTED:failed',
        reported: 'START *internal',
      },
    },
    'sending without commitment': {
      value: 'sending',
      context: { ...sending, commitment: false },
      row: {
        done: 'done:sendBatch',
        backingOff: 'error:sendBatch',
        failed: 'error:forGood done:silent done:refused',
        cancelled: 'CANCEL',
        stay: 'ACKNOWLEDGED COMMITMENT_REPORTED COMMITMENT_REPORTED:part COMMITMENT_REPORTED:failed',
        reported: 'START *internal',
      },
    },
    'sending for the last time': {
      value: 'sending',
      context: { ...sending, attempts: 8 },
      row: {
        awaitingCommitment: 'done:sendBatch done:refused',
        failed: 'error:sendBatch error:forGood done:silent',
        cancelled: 'CANCEL',
        stay: 'ACKNOWLEDGED COMMITMENT_REPORTED COMMITMENT_REPORTED:part COMMITMENT_REPORTED:failed',
        reported: 'START *internal',
      },
    },
    backingOff: {
      value: 'backingOff',
      context: sending,
      row: {
        sending: 'after:backOff START',
        cancelled: 'CANCEL',
        stay: 'ACKNOWLEDGED COMMITMENT_REPORTED COMMITMENT_REPORTED:part COMMITMENT_REPORTED:failed',
        reported: '*internal',
      },
    },
    awaitingCommitment: {
      value: 'awaitingCommitment',
      context: sent,
      row: {
        done: 'COMMITMENT_REPORTED',
        listening: 'COMMITMENT_REPORTED:part',
        failed: 'COMMITMENT_REPORTED:failed',
        awaitingCommitment: 'after:limit',
        cancelled: 'CANCEL',
        stay: 'done:requestCommitment error:requestCommitment',
        reported: 'START ACKNOWLEDGED *internal',
      },
    },
    'awaiting a commitment asked for three times': {
      value: 'awaitingCommitment',
      context: { ...sent, commitmentAttempts: 3 },
      row: {
        done: 'COMMITMENT_REPORTED',
        listening: 'COMMITMENT_REPORTED:part',
        failed: 'COMMITMENT_REPORTED:failed after:limit',
        cancelled: 'CANCEL',
        stay: 'done:requestCommitment error:requestCommitment',
        reported: 'START ACKNOWLEDGED *internal',
      },
    },
    listening: {
      value: 'listening',
      context: { ...sent, committed: ['1.1'] },
      row: {
        done: 'COMMITMENT_REPORTED',
        failed: 'COMMITMENT_REPORTED:failed',
        awaitingCommitment: 'after:listened',
        cancelled: 'CANCEL',
        stay: 'COMMITMENT_REPORTED:part',
        reported: 'START ACKNOWLEDGED *internal',
      },
    },
  },
};

for (const [name, table] of Object.entries({ reconstruction, send })) {
  test(`${name}: every state and event has its outcome in the table`, () => assert.equal(problems(table), []));
}

test.run();
