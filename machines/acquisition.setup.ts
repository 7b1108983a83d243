/** Actors, guards and actions of the acquisition machine. */

import { assign, emit, enqueueActions, setup } from 'xstate';
import { ScannerError } from '../hal/base/errors.js';
import {
  type AcquisitionContext,
  type AcquisitionEvent,
  type AcquisitionInput,
  type AcquisitionOutput,
  afterInspection,
  concerns,
  currentRange,
  explainedByHazard,
  type HardwareVerdict,
  hazardError,
  type InspectHardwareInput,
  isBlocked,
  MAKE_SAFE_LIMIT,
  type MakeSafeInput,
  type RangeCompleted,
  type RangeInput,
  type RangeStep,
  rangeInput,
  resumesItself,
  waitsForLink,
  withStep,
} from './acquisition.types.js';
import { blockersAfter, type HazardEvent, type SafetyEvent } from './hazards.js';
import { failureOf, type Json, type Refused, type Unexpected } from './types.js';
import { unexpected } from './unexpected.js';
import { unprovided } from './unprovided.js';

const MACHINE = 'acquisition';

export const acquisition = setup({
  types: {
    input: {} as AcquisitionInput,
    context: {} as AcquisitionContext,
    events: {} as AcquisitionEvent,
    output: {} as AcquisitionOutput,
    emitted: {} as Unexpected | Refused | RangeCompleted,
  },
  actors: {
    inspectHardware: unprovided<HardwareVerdict, InspectHardwareInput>('inspectHardware'),
    checkRange: unprovided<Json, RangeInput>('checkRange'),
    positionRange: unprovided<Json, RangeInput>('positionRange'),
    prepareRange: unprovided<Json, RangeInput>('prepareRange'),
    armRange: unprovided<Json, RangeInput>('armRange'),
    scanRange: unprovided<Json, RangeInput>('scanRange'),
    drainRange: unprovided<Json, RangeInput>('drainRange'),
    makeSafe: unprovided<Json, MakeSafeInput>('makeSafe'),
  },
  delays: {
    interruptedLimit: ({ context }) => context.interruptedLimitMs,
    makeSafePause: 250,
  },
  guards: {
    aborts: ({ context }) => context.verdict === 'aborted',
    fails: ({ context }) => context.verdict === 'failed',
    isDone: ({ context }) => context.index >= context.ranges.length,
    isHeld: ({ context }) => context.hold,
    isBlocked: ({ context }) => isBlocked(context),
    isFree: ({ context }) => !isBlocked(context),
    maySelfResume: ({ context }) => resumesItself(context),
    mayStillTry: ({ context }) => context.safeAttempts < MAKE_SAFE_LIMIT || waitsForLink(context),
    concerns: ({ context, event }) => concerns(context, event as HazardEvent),
    relieves: ({ context, event }) => resumesItself(context, blockersAfter(context.blockers, event as SafetyEvent)),
    wasRecovered: ({ context }) => context.recoveredFrom !== null,
    wasIn: ({ context }, states: readonly string[]) => states.includes(context.recoveredFrom ?? ''),
  },
  actions: {
    reportUnexpected: emit(unexpected(MACHINE)),
    reportBlocked: emit(({ context, event }) => ({
      type: 'refused',
      machine: MACHINE,
      command: event.type,
      reason: context.blockers.join(', '),
    })),
    noteBlocker: assign({
      blockers: ({ context, event }) => blockersAfter(context.blockers, event as SafetyEvent),
    }),
    /** A hazard of the kind that passes lets a PET range resume itself; a device fault does not. */
    noteHazard: assign(({ context, event }) => ({
      verdict: 'interrupted' as const,
      selfResume: event.type !== 'FAULT' && currentRange(context)?.kind === 'pet',
      error: failureOf(hazardError(event as HazardEvent)),
    })),
    /** A hazard that follows an interruption may explain it, or make it worse. */
    noteLaterHazard: assign(({ context, event }) => {
      if (!concerns(context, event as HazardEvent)) return {};
      if (event.type === 'FAULT') return { selfResume: false };
      return explainedByHazard(context.error) ? { selfResume: true } : {};
    }),
    noteBlocked: assign(({ context }) => ({
      verdict: 'interrupted' as const,
      selfResume: currentRange(context)?.kind === 'pet',
      error: failureOf(new ScannerError('interlock.open', { reason: context.blockers.join(', ') })),
    })),
    noteAbort: assign({ verdict: 'aborted' }),
    noteFailure: assign((_, { thrown }: { thrown: unknown }) => {
      const error = failureOf(thrown);
      // what may succeed when done again is left to the operator
      return { verdict: error.retry ? ('interrupted' as const) : ('failed' as const), selfResume: false, error };
    }),
    noteUnsafe: assign((_, { thrown }: { thrown: unknown }) => ({
      verdict: 'failed' as const,
      error: failureOf(thrown),
    })),
    noteVerdict: assign(({ context }, { verdict }: { verdict: HardwareVerdict }) => afterInspection(context, verdict)),
    noteExpired: assign({ verdict: 'failed' }),
    noteTry: assign({ safeAttempts: ({ context }) => context.safeAttempts + 1 }),
    clearTries: assign({ safeAttempts: 0 }),
    noteStep: assign({
      results: ({ context }, { step, summary }: { step: RangeStep; summary: Json }) => withStep(context, step, summary),
    }),
    restartRange: assign(({ context }) => ({
      attempt: context.attempt + 1,
      selfResume: false,
      error: null,
      recoveredFrom: null,
    })),
    /** Told before the index moves on. */
    completeRange: enqueueActions(({ context, enqueue, self }) => {
      const { rangeId, kind } = rangeInput(context);
      const completed: RangeCompleted = { type: 'RANGE_COMPLETED', rangeId, kind };
      enqueue.emit(completed);
      if (self._parent) enqueue.sendTo(self._parent, completed);
      enqueue.assign({ completed: [...context.completed, rangeId], index: context.index + 1, attempt: 1 });
    }),
    setHold: assign({ hold: true }),
    clearHold: assign({ hold: false }),
  },
});
