import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Clock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { Agenda } from '../../sim/devices/agenda.js';
import type { Notice } from '../../sim/devices/board.js';
import { makeScanner } from '../../sim/devices/scanner.js';

/** A clock whose timers fire only when the host gets round to it: late, all at once. */
class LateClock implements Clock {
  readonly speed = 100;
  readonly wall: Clock = this;
  #now = 1_750_000_000_000;
  #timers = new Set<() => void>();

  now(): number {
    return this.#now;
  }

  after(_ms: number, fn: () => void) {
    this.#timers.add(fn);
    return { cancel: () => void this.#timers.delete(fn) };
  }

  every(_ms: number, _fn: () => void) {
    return { cancel: () => {} };
  }

  pass(ms: number): void {
    this.#now += ms;
  }

  fire(): void {
    for (const timer of [...this.#timers]) {
      this.#timers.delete(timer);
      timer();
    }
  }
}

test('entries run in the order of their instants, each with its own present', () => {
  const clock = new LateClock();
  const agenda = new Agenda(clock);
  const start = clock.now();
  const seen: [string, number, number][] = [];
  const note = (name: string) => (at: number) => seen.push([name, at - start, agenda.now() - start]);
  agenda.at(start + 30, note('c'));
  agenda.at(start + 10, (at) => {
    note('a')(at);
    agenda.at(at + 5, note('b'));
  });
  const dropped = agenda.at(start + 20, note('dropped'));
  dropped.cancel();
  clock.pass(1000);
  clock.fire();
  assert.equal(seen, [
    ['a', 10, 10],
    ['b', 15, 15],
    ['c', 30, 30],
  ]);
  assert.is(agenda.now(), start + 1000);
});

test('what is overdue happens before the present is told, and never twice', () => {
  const clock = new LateClock();
  const agenda = new Agenda(clock);
  let runs = 0;
  agenda.at(clock.now() + 10, () => runs++);
  clock.pass(50);
  agenda.now();
  assert.is(runs, 1);
  clock.fire();
  assert.is(runs, 1);
});

test('a whole exposure behind a host that slept through it has its exact times', () => {
  const clock = new LateClock();
  const never = () => Promise.reject(new Error('no detector here'));
  const { boards } = makeScanner({
    clock,
    log: silentLog,
    ctPhysics: { project: never },
    petPhysics: { slice: never },
    readings: never,
    words: never,
    signal: () => ({ valueAt: () => 0, nextTrigger: (ms) => ms + 1000, perMinute: () => 60 }),
  });
  const notices: Notice[] = [];
  for (const board of Object.values(boards)) board.watch((notice: Notice) => notices.push(notice));
  const at = (name: string) => notices.find((notice) => notice.name === name)!.at;
  boards.table.command('home', {});
  boards.generator.hostSilent(0);
  boards.generator.command('prepare', { kv: 120, ma: 50, maxSeconds: 30 });
  clock.pass(5000);
  boards.generator.command('arm', { trigger: 'window' });
  assert.is(
    boards.table.command('feed', { stop: 300, speed: 20, windowStart: 50, windowEnd: 250 }).kind,
    'accepted',
    'homed in time',
  );
  clock.pass(100_000);
  clock.fire();
  assert.is(at('exposureStarted'), at('windowEntered'));
  assert.ok(Math.abs(at('exposureEnded') - at('exposureStarted') - 10_000) < 1e-3);
  const order = notices.map(({ name }) => name).filter((name) => /window|exposure|feed/.test(name));
  assert.equal(order, ['feedStarted', 'windowEntered', 'exposureStarted', 'exposureEnded', 'windowLeft', 'feedEnded']);
});

test.run();
