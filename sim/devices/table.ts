import type { TimerHandle } from '../../hal/base/clock.js';
import { readTable } from '../../hal/base/table.js';
import {
  ACCEPTED,
  Board,
  type BoardOptions,
  type Handler,
  inRange,
  type ModelIdentity,
  type ModelReply,
  refuse,
  type WireRecord,
} from './board.js';
import { ramp, Trajectory, trapezoid } from './trajectory.js';

interface TableTable {
  identity: ModelIdentity;
  horizontalMm: [number, number];
  verticalMm: [number, number];
  horizontalMmPerS: [number, number];
  horizontalMmPerS2: number;
  verticalMmPerS: number;
  verticalMmPerS2: number;
  homingMmPerS: number;
  homingSearchSeconds: number;
  hostSilenceMs: number;
  loadKg: number;
  powerOn: { horizontalMm: number; verticalMm: number; loadKg: number };
}

const FIRMWARE: TableTable = readTable(import.meta.url, './table.json');

/** What counts as standing where a feed starts, mm. */
const WINDOW_SLACK_MM = 1e-6;

type Axis = 'horizontal' | 'vertical';

/** Two axes with trapezoid motion, constant feed with a scan window, homing and a load cell. */
export class TableBoard extends Board {
  readonly name = 'table';
  readonly identity = FIRMWARE.identity;
  readonly #axes: Record<Axis, Trajectory>;
  readonly #plansOf: Record<Axis, TimerHandle[]> = { horizontal: [], vertical: [] };
  readonly #moving: Record<Axis, boolean> = { horizontal: false, vertical: false };
  #halting = false;
  #homed = false;
  #loadKg = FIRMWARE.powerOn.loadKg;
  #encoderBroken = false;

  constructor(options: BoardOptions) {
    super(options);
    const at = this.agenda.now();
    this.#axes = {
      horizontal: new Trajectory(FIRMWARE.powerOn.horizontalMm, at),
      vertical: new Trajectory(FIRMWARE.powerOn.verticalMm, at),
    };
    this.lines.motionPermit.watch((level) => {
      if (level !== 'closed' && this.#isMoving() && !this.#halting) this.#halt(level);
    });
  }

  protected readonly handlers: Readonly<Record<string, Handler>> = {
    moveHorizontal: ({ position, speed }) => this.#moveHorizontal(Number(position), Number(speed)),
    moveVertical: ({ position }) => this.#moveVertical(Number(position)),
    feed: ({ stop, speed, windowStart, windowEnd }) =>
      this.#feed(Number(stop), Number(speed), [Number(windowStart), Number(windowEnd)]),
    halt: () => {
      this.#halt('host');
      return ACCEPTED;
    },
    home: () => this.#home(),
  };

  readState(): WireRecord {
    const at = this.agenda.now();
    return {
      horizontal: this.#encoderBroken ? Number.NaN : this.horizontalAt(at),
      vertical: this.#axes.vertical.position(at),
      velocity: this.#axes.horizontal.velocity(at),
      moving: this.#isMoving(),
      homed: this.#homed,
      loadKg: this.#loadKg,
    };
  }

  /** Travel into the gantry at scanner time `ms`, mm. */
  horizontalAt(ms: number): number {
    return this.#axes.horizontal.position(ms);
  }

  /** What lies on the table, kg. */
  setLoad(kg: number): void {
    this.#loadKg = kg;
    if (kg > FIRMWARE.loadKg) this.emergency('overload', `${kg} kg of ${FIRMWARE.loadKg} kg`);
    else this.changed();
  }

  /** A broken encoder reports NaN as the horizontal position; the drive itself goes on by its motor counts. */
  breakEncoder(broken: boolean): void {
    this.#encoderBroken = broken;
    if (broken) this.emergency('encoderFault', 'the horizontal encoder gives no credible position');
    else this.changed();
  }

  override hostSilent(ms: number): void {
    if (ms >= FIRMWARE.hostSilenceMs && this.#isMoving() && !this.#halting) this.#halt('hostSilent');
  }

  /** A host that comes anew, or lets go, does not find the table on an errand of before. */
  override lifecycleChanged(active: boolean): void {
    if (!active && this.#isMoving() && !this.#halting) this.#halt('inactive');
  }

  /** Without power the brakes bring both axes to a stand; the reference is lost. */
  protected reset(atMs: number): void {
    this.#homed = false;
    this.#halting = false;
    const done = this.#brake(atMs);
    for (const axis of ['horizontal', 'vertical'] as const) this.#moving[axis] = this.#moving[axis] && done > atMs;
    this.#planOn('horizontal', done, () => {
      this.#moving.horizontal = false;
      this.#moving.vertical = false;
      this.changed();
    });
  }

  #moveHorizontal(position: number, speed: number): ModelReply {
    const blocked = this.#blocked(true);
    if (blocked) return blocked;
    const wrong =
      outside('position', position, FIRMWARE.horizontalMm) ?? outside('speed', speed, FIRMWARE.horizontalMmPerS);
    if (wrong) return wrong;
    const done = this.#go('horizontal', position, speed, FIRMWARE.horizontalMmPerS2);
    this.#planOn('horizontal', done, (ms) => this.#arrived('horizontal', position, ms));
    return ACCEPTED;
  }

  #moveVertical(position: number): ModelReply {
    const blocked = this.#blocked(false);
    if (blocked) return blocked;
    const wrong = outside('position', position, FIRMWARE.verticalMm);
    if (wrong) return wrong;
    const done = this.#go('vertical', position, FIRMWARE.verticalMmPerS, FIRMWARE.verticalMmPerS2);
    this.#planOn('vertical', done, (ms) => this.#arrived('vertical', position, ms));
    return ACCEPTED;
  }

  #arrived(axis: Axis, position: number, ms: number): void {
    this.#moving[axis] = false;
    this.emit('arrived', ms, { axis, position });
  }

  /** The scan-window line goes up and down at the exact instants at which the trajectory passes the window's ends. */
  #feed(stop: number, speed: number, window: readonly [number, number]): ModelReply {
    const at = this.agenda.now();
    const start = this.horizontalAt(at);
    const refused = this.#blocked(true) ?? feedRefusal(start, stop, speed, window);
    if (refused) return refused;
    const done = this.#go('horizontal', stop, speed, FIRMWARE.horizontalMmPerS2);
    const pass = (position: number, level: boolean, event: string) => {
      const ms = this.#axes.horizontal.timeAt(position, at) ?? done;
      this.#planOn('horizontal', ms, () => {
        this.lines.scanWindow.drive(level, ms);
        this.emit(event, ms, { position });
      });
    };
    this.#planOn('horizontal', at, () => this.emit('feedStarted', at, { position: start }));
    pass(window[0], true, 'windowEntered');
    pass(window[1], false, 'windowLeft');
    this.#planOn('horizontal', done, (ms) => {
      this.#moving.horizontal = false;
      this.emit('feedEnded', ms, { position: stop });
    });
    return ACCEPTED;
  }

  /** Drives to the reference switch at the outer end and looks for its edge. */
  #home(): ModelReply {
    const blocked = this.#blocked(false);
    if (blocked) return blocked;
    const arrived = this.#go('horizontal', 0, FIRMWARE.homingMmPerS, FIRMWARE.horizontalMmPerS2);
    this.#planOn('horizontal', arrived + FIRMWARE.homingSearchSeconds * 1000, (ms) => {
      this.#moving.horizontal = false;
      this.#homed = true;
      this.emit('homed', ms);
    });
    return ACCEPTED;
  }

  #halt(reason: string): void {
    const done = this.#brake(this.agenda.now());
    this.#halting = true;
    this.#planOn('horizontal', done, (ms) => {
      this.#halting = false;
      this.#moving.horizontal = false;
      this.#moving.vertical = false;
      this.emit('halted', ms, { reason, position: this.horizontalAt(ms) });
    });
  }

  /** Full deceleration of both axes. @returns when both stand, ms. */
  #brake(at: number): number {
    const stop = (axis: Axis, deceleration: number) => {
      for (const plan of this.#plansOf[axis].splice(0)) plan.cancel();
      const velocity = this.#axes[axis].velocity(at);
      return this.#axes[axis].follow(at, [ramp(velocity, 0, deceleration)], { velocity: 0 });
    };
    const done = Math.max(stop('horizontal', FIRMWARE.horizontalMmPerS2), stop('vertical', FIRMWARE.verticalMmPerS2));
    if (this.lines.scanWindow.level) {
      this.lines.scanWindow.drive(false, at);
      this.emit('windowLeft', at, { position: this.horizontalAt(at) });
    }
    return done;
  }

  #go(axis: Axis, position: number, speed: number, acceleration: number): number {
    const at = this.agenda.now();
    const trajectory = this.#axes[axis];
    this.#moving[axis] = true;
    const phases = trapezoid(position - trajectory.position(at), speed, acceleration);
    return trajectory.follow(at, phases, { velocity: 0, position });
  }

  #planOn(axis: Axis, ms: number, fn: (atMs: number) => void): void {
    const plans = this.#plansOf[axis];
    const plan = this.plan(ms, (at) => {
      plans.splice(plans.indexOf(plan), 1);
      fn(at);
    });
    plans.push(plan);
  }

  #isMoving(): boolean {
    return this.#moving.horizontal || this.#moving.vertical;
  }

  #blocked(needsReference: boolean): ModelReply | undefined {
    const { level } = this.lines.motionPermit;
    if (level !== 'closed') return refuse('motionBlocked', `safety chain open: ${level}`);
    if (this.#loadKg > FIRMWARE.loadKg) return refuse('overload', `${this.#loadKg} kg of ${FIRMWARE.loadKg} kg`);
    if (this.#isMoving()) return refuse('busy', 'moving');
    if (needsReference && !this.#homed) return refuse('notHomed', 'horizontal reference not known');
    return undefined;
  }
}

function outside(what: string, value: number, range: readonly [number, number]): ModelReply | undefined {
  return inRange(value, range) ? undefined : refuse('outOfRange', `${what} ${value}: ${range.join(' to ')}`);
}

function feedRefusal(
  start: number,
  stop: number,
  speed: number,
  window: readonly [number, number],
): ModelReply | undefined {
  const wrong = outside('stop', stop, FIRMWARE.horizontalMm) ?? outside('speed', speed, FIRMWARE.horizontalMmPerS);
  if (wrong) return wrong;
  const runUp = (speed * speed) / (2 * FIRMWARE.horizontalMmPerS2);
  const sign = Math.sign(stop - start);
  const along = window.map((position) => (position - start) * sign) as [number, number];
  const constant = [runUp - WINDOW_SLACK_MM, Math.abs(stop - start) - runUp + WINDOW_SLACK_MM] as const;
  if (sign !== 0 && along[0] < along[1] && along[0] >= constant[0] && along[1] <= constant[1]) return undefined;
  return refuse('windowInRamp', `the speed is constant from ${constant[0]} to ${constant[1]} mm after the start`);
}
