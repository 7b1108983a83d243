/** Generator and tube, following the device. The device decides; what does not fit is followed and told. */

import { assign, emit, setup } from 'xstate';
import type { Kilovolt, Milliampere, MilliampereSecond, Second } from '../hal/base/units.js';
import type { ExposureEnd } from '../hal/contract/generator.js';
import type { Unexpected } from './types.js';
import { unexpected } from './unexpected.js';

export interface Exposure {
  reason: ExposureEnd;
  seconds: Second;
  mas: MilliampereSecond;
}

export interface GeneratorContext {
  kv: Kilovolt;
  ma: Milliampere;
  lastExposure: Exposure | null;
  fault: string | null;
}

export type GeneratorMachineEvent =
  | { type: 'STANDBY_ENTERED' }
  | { type: 'PREHEAT_STARTED' }
  | { type: 'BECAME_READY' }
  | { type: 'WAS_ARMED' }
  | { type: 'EXPOSURE_STARTED'; kv: Kilovolt; ma: Milliampere }
  | ({ type: 'EXPOSURE_ENDED' } & Exposure)
  | { type: 'DISARMED'; reason: string }
  | { type: 'FAULTED'; code: string };

/** The beam went on where it could not be expected. */
export interface BeamUnexpected {
  type: 'beam.unexpected';
  state: string;
}

export const generatorMachine = setup({
  types: {
    context: {} as GeneratorContext,
    events: {} as GeneratorMachineEvent,
    emitted: {} as Unexpected | BeamUnexpected,
  },
  actions: {
    reportUnexpected: emit(unexpected('generator')),
    tellBeam: emit(({ self }) => ({ type: 'beam.unexpected', state: String(self.getSnapshot()?.value ?? '') })),
    noteTechnique: assign((_, { kv, ma }: { kv: number; ma: number }) => ({ kv, ma })),
    noteExposure: assign((_, lastExposure: Exposure) => ({ lastExposure })),
    noteFault: assign((_, { code }: { code: string }) => ({ fault: code })),
    clearFault: assign({ fault: null }),
  },
}).createMachine({
  id: 'generator',
  context: { kv: 0, ma: 0, lastExposure: null, fault: null },
  initial: 'standby',
  on: {
    '*': { actions: 'reportUnexpected' },
    STANDBY_ENTERED: '.standby',
    PREHEAT_STARTED: '.preheating',
    BECAME_READY: '.ready',
    WAS_ARMED: '.armed',
    EXPOSURE_STARTED: {
      target: '.exposing',
      actions: { type: 'noteTechnique', params: ({ event }) => ({ kv: event.kv, ma: event.ma }) },
    },
    // the event may come after the state that follows it
    EXPOSURE_ENDED: {
      actions: {
        type: 'noteExposure',
        params: ({ event }) => ({ reason: event.reason, seconds: event.seconds, mas: event.mas }),
      },
    },
    DISARMED: { actions: [] },
    FAULTED: { target: '.faulted', actions: { type: 'noteFault', params: ({ event }) => ({ code: event.code }) } },
  },
  states: {
    standby: {
      on: {
        EXPOSURE_STARTED: {
          target: 'exposing',
          actions: ['tellBeam', { type: 'noteTechnique', params: ({ event }) => ({ kv: event.kv, ma: event.ma }) }],
        },
      },
    },
    preheating: {
      on: {
        EXPOSURE_STARTED: {
          target: 'exposing',
          actions: ['tellBeam', { type: 'noteTechnique', params: ({ event }) => ({ kv: event.kv, ma: event.ma }) }],
        },
      },
    },
    ready: {},
    armed: { on: { DISARMED: 'ready' } },
    exposing: {
      on: {
        EXPOSURE_STARTED: { actions: [] },
        EXPOSURE_ENDED: {
          target: 'ready',
          actions: {
            type: 'noteExposure',
            params: ({ event }) => ({ reason: event.reason, seconds: event.seconds, mas: event.mas }),
          },
        },
      },
    },
    faulted: {
      exit: 'clearFault',
      on: {
        EXPOSURE_STARTED: {
          target: 'exposing',
          actions: ['tellBeam', { type: 'noteTechnique', params: ({ event }) => ({ kv: event.kv, ma: event.ma }) }],
        },
      },
    },
  },
});
