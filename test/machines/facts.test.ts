import { BehaviorSubject, type Observable, Subject } from 'rxjs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ManualClock } from '../../hal/base/clock.js';
import { gatingFacts } from '../../machines/facts/gating.js';
import { generatorFacts } from '../../machines/facts/generator.js';
import { interlockFacts } from '../../machines/facts/interlock.js';
import { linkFacts } from '../../machines/facts/link.js';
import { motionFacts } from '../../machines/facts/motion.js';
import { petringsFacts } from '../../machines/facts/petrings.js';
import { CLOSED, scriptedChain } from './chain.js';

const test = suite('facts from the contracts');

function heard<T>(facts$: Observable<T>): T[] {
  const facts: T[] = [];
  facts$.subscribe((fact) => facts.push(fact));
  return facts;
}

test('an interlock tells door, emergency stop and closing once each', () => {
  const { chain, interlock } = scriptedChain();
  const facts = heard(interlockFacts(chain.interlock));
  interlock.become({});
  interlock.become({ doorClosed: false, beamPermit: false });
  interlock.become({ emergencyStop: true, tripped: true });
  interlock.become({ emergencyStop: false });
  interlock.become({ tripped: false, doorClosed: true });
  interlock.become(CLOSED);
  assert.equal(facts, [
    { type: 'CHAIN_CLOSED' },
    { type: 'CHAIN_OPENED', reason: 'door' },
    { type: 'CHAIN_TRIPPED' },
    { type: 'CHAIN_OPENED', reason: 'no beam permit' },
    { type: 'CHAIN_CLOSED' },
  ]);
});

test('a hundred table positions are one motion', () => {
  const { chain, gantry, table } = scriptedChain();
  const facts = heard(motionFacts(chain.gantry, chain.table));
  for (let horizontal = 0; horizontal < 100; horizontal++) table.become({ moving: true, horizontal });
  gantry.become({ rotation: 'spinningUp' });
  gantry.become({ rotation: 'atSpeed' });
  table.become({ moving: false });
  table.events$.next({ type: 'feedStarted', position: 0, at: 0 });
  table.events$.next({ type: 'windowEntered', position: 0, at: 0 });
  table.events$.next({ type: 'feedEnded', position: 0, at: 0 });
  gantry.become({ rotation: 'stopped' });
  table.events$.next({ type: 'halted', reason: 'host', position: 0, at: 0 });
  assert.equal(
    facts.map((fact) => fact.type),
    ['MOVE_STARTED', 'ROTATION_STARTED', 'MOVE_ENDED', 'FEED_STARTED', 'FEED_ENDED', 'ROTATION_STOPPED', 'HALTED'],
  );
});

test('a generator tells its phases, exposures and faults, not its heat', () => {
  const { chain, generator } = scriptedChain();
  const facts = heard(generatorFacts(chain.generator));
  for (let anodeHeat = 0; anodeHeat < 50; anodeHeat++) generator.become({ anodeHeat });
  generator.become({ phase: 'preheating' });
  generator.become({ phase: 'ready' });
  generator.become({ phase: 'armed' });
  generator.become({ phase: 'exposing', kv: 120, ma: 50 });
  generator.events$.next({ type: 'exposureEnded', reason: 'window', seconds: 2, mas: 100, at: 0 });
  generator.fault('arc');
  generator.fault('linkLost');
  assert.equal(
    facts.map((fact) => fact.type),
    [
      'STANDBY_ENTERED',
      'PREHEAT_STARTED',
      'BECAME_READY',
      'WAS_ARMED',
      'EXPOSURE_STARTED',
      'EXPOSURE_ENDED',
      'FAULTED',
    ],
  );
  assert.equal(facts[4], { type: 'EXPOSURE_STARTED', kv: 120, ma: 50 });
});

test('PET rings tell frames, not rates', () => {
  const { chain, petrings } = scriptedChain();
  const facts = heard(petringsFacts(chain.petrings));
  petrings.become({ phase: 'acquiring', frameId: 7 });
  petrings.events$.next({ type: 'frameStarted', frameId: 7, at: 0 });
  for (let prompts = 0; prompts < 50; prompts++) petrings.become({ promptsPerSecond: prompts });
  petrings.events$.next({ type: 'frameEnded', frameId: 7, reason: 'time', seconds: 60, at: 0 });
  petrings.events$.next({ type: 'drained', frameId: 7, words: 5, at: 0 });
  petrings.become({ phase: 'idle' });
  assert.equal(
    facts.map((fact) => fact.type),
    ['WENT_IDLE', 'FRAME_STARTED', 'FRAME_ENDED', 'DRAINED', 'WENT_IDLE'],
  );
});

test('a rhythm is found at the second beat and lost after five seconds of silence', () => {
  const clock = new ManualClock();
  const state = { ecgEnabled: false, ecgBeatsPerMinute: 0, respirationEnabled: false, respirationBreathsPerMinute: 0 };
  const state$ = new BehaviorSubject(state);
  const events$ = new Subject<{ type: 'trigger'; source: 'ecg' | 'respiration'; at: number }>();
  const facts = heard(gatingFacts({ state$, events$ }, 'ecg', clock));
  const beat = (source: 'ecg' | 'respiration' = 'ecg') => events$.next({ type: 'trigger', source, at: clock.now() });
  state$.next({ ...state, ecgEnabled: true });
  for (let i = 0; i < 10; i++) {
    beat();
    clock.advance(750);
  }
  clock.advance(4200);
  beat('respiration');
  clock.advance(100);
  beat();
  clock.advance(1000);
  beat();
  state$.next(state);
  clock.advance(20_000);
  assert.equal(facts, [
    { type: 'SIGNAL_ENABLED' },
    { type: 'RHYTHM_FOUND', perMinute: 80 },
    { type: 'RHYTHM_LOST' },
    { type: 'RHYTHM_FOUND', perMinute: 60 },
    { type: 'SIGNAL_DISABLED' },
  ]);
});

test('a link is dropped by loss, reboot and failure, not by a device fault', () => {
  const { chain, table } = scriptedChain();
  const facts = heard(linkFacts(chain.table));
  table.fault('overload');
  table.fault('rebooted');
  table.lifecycle$.next('active');
  table.lifecycle$.next('failed');
  assert.equal(facts, [
    { type: 'LINK_DROPPED', code: 'rebooted' },
    { type: 'LINK_DROPPED', code: 'failed' },
  ]);
});

test.run();
