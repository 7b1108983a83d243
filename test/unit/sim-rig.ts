import { ManualClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import type { CtBlock, WordBlock } from '../../hal/wire/blocks.js';
import type { Notice } from '../../sim/devices/board.js';
import type { CtProjection } from '../../sim/devices/ctdetector.js';
import type { PetSliceRequest } from '../../sim/devices/petrings.js';
import { type Boards, makeScanner } from '../../sim/devices/scanner.js';

/** An instant of our century, so that times have the rounding that they have in service. */
export const START_MS = 1_750_000_000_000;

/** A manual clock of a host that can oversleep: time has passed and no timer has run yet. */
export class SleepyClock extends ManualClock {
  oversleptMs = 0;

  override now(): number {
    return super.now() + this.oversleptMs;
  }
}

/** The boards on a manual clock, with physics that only remembers what it was asked. */
export function makeRig() {
  const clock = new SleepyClock(START_MS);
  const projections: CtProjection[] = [];
  const slices: PetSliceRequest[] = [];
  const readings: CtBlock[] = [];
  const words: WordBlock[] = [];
  const notices: Notice[] = [];
  const scanner = makeScanner({
    clock,
    log: silentLog,
    ctPhysics: {
      async project(projection) {
        projections.push(projection);
        return new Uint16Array(projection.angles.length * projection.rows * projection.channels);
      },
    },
    petPhysics: {
      async slice(request) {
        slices.push(request);
        const first = Math.ceil(request.startSeconds * 1000);
        const count = Math.ceil((request.startSeconds + request.seconds) * 1000) - first;
        // a time tag each ms, an event behind each
        const stream = Uint32Array.from({ length: 2 * count }, (_, i) =>
          i % 2 ? 42 : (0x8000_0000 | (first + i / 2)) >>> 0,
        );
        return { words: stream, prompts: count, delayeds: 0, singles: 10 * count };
      },
    },
    readings: async (block) => void readings.push(block),
    words: async (block) => void words.push(block),
    signal: (source) => {
      const period = source === 'ecg' ? 800 : 4000;
      return {
        valueAt: (ms) => Math.sin((2 * Math.PI * ms) / period),
        nextTrigger: (ms) => (Math.floor(ms / period) + 1) * period,
        perMinute: () => 60_000 / period,
      };
    },
  });
  const boards: Boards = scanner.boards;
  for (const board of Object.values(boards)) board.watch((notice: Notice) => notices.push(notice));
  return { ...scanner, clock, projections, slices, readings, words, notices };
}

export type Rig = ReturnType<typeof makeRig>;

/** The last notice of that name, or a clear failure. */
export function last(rig: Rig, name: string): Notice {
  const found = rig.notices.findLast((notice) => notice.name === name);
  if (!found) throw new Error(`no ${name} among ${rig.notices.map((notice) => notice.name).join(', ')}`);
  return found;
}

/** Homes the table and puts it at a position. */
export function tableAt(rig: Rig, position: number): void {
  rig.boards.table.command('home', {});
  rig.clock.advance(60_000);
  rig.boards.table.command('moveHorizontal', { position, speed: 200 });
  rig.clock.advance(60_000);
}

/** Brings the generator to `ready` with a live host. */
export function prepare(rig: Rig, technique = { kv: 120, ma: 100, maxSeconds: 10 }): void {
  rig.boards.generator.hostSilent(0);
  rig.boards.generator.command('prepare', technique);
  rig.clock.advance(2000);
}

export function exposing(rig: Rig, maxSeconds = 10): void {
  prepare(rig, { kv: 120, ma: 100, maxSeconds });
  rig.boards.generator.command('arm', { trigger: 'host' });
  rig.clock.advance(0.01);
  rig.boards.generator.command('fire', {});
  rig.clock.advance(0.01);
}
