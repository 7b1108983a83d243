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
import type { Permit } from './lines.js';
import { ramp, Trajectory, trapezoid } from './trajectory.js';

interface GantryTable {
  identity: ModelIdentity;
  rotationTimes: number[];
  spinRadPerS2: number;
  brakeRadPerS2: number;
  parkDegPerS: number;
  parkDegPerS2: number;
  tiltRange: [number, number];
  tiltDegPerS: number;
  tiltDegPerS2: number;
  tiltBrakeDegPerS2: number;
  hostSilenceMs: number;
  hostGoneMs: number;
}

const FIRMWARE: GantryTable = readTable(import.meta.url, './gantry.json');
const DEGREE = Math.PI / 180;

type Rotation = 'stopped' | 'spinningUp' | 'atSpeed' | 'spinningDown' | 'parking';

/** Rotation drive, angle encoder, tube parking and tilt. */
export class GantryBoard extends Board {
  readonly name = 'gantry';
  readonly identity = FIRMWARE.identity;
  /** Tube angle, rad, not wrapped. */
  readonly #angle: Trajectory;
  /** Tilt, degrees. */
  readonly #tilt: Trajectory;
  #rotation: Rotation = 'stopped';
  #rotationTime = 0;
  #tilting = false;
  #drivePlan: TimerHandle | undefined;
  #tiltPlan: TimerHandle | undefined;

  constructor(options: BoardOptions) {
    super(options);
    const at = this.agenda.now();
    this.#angle = new Trajectory(0, at);
    this.#tilt = new Trajectory(0, at);
    this.lines.motionPermit.watch((level, ms) => this.#onPermit(level, ms));
  }

  protected readonly handlers: Readonly<Record<string, Handler>> = {
    startRotation: ({ rotationTime }) => this.#startRotation(Number(rotationTime)),
    stopRotation: () => {
      this.#spinDown(this.agenda.now(), FIRMWARE.spinRadPerS2);
      return ACCEPTED;
    },
    parkTube: ({ angle }) => this.#parkTube(Number(angle)),
    tiltTo: ({ tilt }) => this.#tiltTo(Number(tilt)),
  };

  readState(): WireRecord {
    const at = this.agenda.now();
    return {
      rotation: this.#rotation,
      rotationTime: this.#rotationTime,
      angle: wrapped(this.angleAt(at)),
      tilt: this.#tilt.position(at),
      tilting: this.#tilting,
    };
  }

  /** Encoder: tube angle at scanner time `ms`, rad, not wrapped. */
  angleAt(ms: number): number {
    return this.#angle.position(ms);
  }

  /** Angular speed at scanner time `ms`, rad/s. */
  speedAt(ms: number): number {
    return this.#angle.velocity(ms);
  }

  /** When the encoder passes `angle` (rad, not wrapped) at or after `fromMs`. */
  timeAtAngle(angle: number, fromMs: number): number | undefined {
    return this.#angle.timeAt(angle, fromMs);
  }

  /** What moves the bore or brings the tube somewhere ends soon after its host; a spinning disc is only worn out. */
  override hostSilent(ms: number): void {
    const at = this.agenda.now();
    if (ms >= FIRMWARE.hostSilenceMs && this.#tilting) this.#stopTilt(at);
    const patience = this.#rotation === 'parking' ? FIRMWARE.hostSilenceMs : FIRMWARE.hostGoneMs;
    if (ms < patience || this.#rotation === 'stopped' || this.#rotation === 'spinningDown') return;
    this.#spinDown(at, FIRMWARE.spinRadPerS2);
  }

  /** A board without power: brakes hold, the disc runs down against them. */
  protected reset(atMs: number): void {
    this.#stopTilt(atMs);
    this.#spinDown(atMs, FIRMWARE.brakeRadPerS2);
  }

  #startRotation(rotationTime: number): ModelReply {
    if (!FIRMWARE.rotationTimes.includes(rotationTime))
      return refuse('outOfRange', `rotation times are ${FIRMWARE.rotationTimes.join(', ')} s`);
    const blocked = this.#blocked('atSpeed');
    if (blocked) return blocked;
    const at = this.agenda.now();
    const target = (2 * Math.PI) / rotationTime;
    const spinUp = ramp(this.speedAt(at), target, FIRMWARE.spinRadPerS2);
    const done = this.#angle.follow(at, [spinUp], { velocity: target });
    this.#rotationTime = rotationTime;
    this.#drive('spinningUp', done, (ms) => {
      this.#rotation = 'atSpeed';
      this.emit('atSpeed', ms, { rotationTime });
    });
    return ACCEPTED;
  }

  #spinDown(at: number, deceleration: number): void {
    const done = this.#angle.follow(at, [ramp(this.speedAt(at), 0, deceleration)], { velocity: 0 });
    this.#drive(done > at ? 'spinningDown' : 'stopped', done, (ms) => {
      this.#rotation = 'stopped';
      this.#rotationTime = 0;
      this.emit('stopped', ms, { angle: wrapped(this.angleAt(ms)) });
    });
  }

  #parkTube(degrees: number): ModelReply {
    if (!inRange(degrees, [-360, 360])) return refuse('outOfRange', 'park angles are -360 to 360 degrees');
    const blocked = this.#blocked();
    if (blocked) return blocked;
    const at = this.agenda.now();
    const from = this.angleAt(at);
    const way = shortestTurn(from, degrees * DEGREE);
    const phases = trapezoid(way, FIRMWARE.parkDegPerS * DEGREE, FIRMWARE.parkDegPerS2 * DEGREE);
    const done = this.#angle.follow(at, phases, { velocity: 0, position: from + way });
    this.#drive('parking', done, (ms) => {
      this.#rotation = 'stopped';
      this.emit('tubeParked', ms, { angle: wrapped(from + way) });
    });
    return ACCEPTED;
  }

  #tiltTo(tilt: number): ModelReply {
    if (!inRange(tilt, FIRMWARE.tiltRange))
      return refuse('outOfRange', `tilt is ${FIRMWARE.tiltRange.join(' to ')} degrees`);
    const blocked = this.#blocked();
    if (blocked) return blocked;
    const at = this.agenda.now();
    const phases = trapezoid(tilt - this.#tilt.position(at), FIRMWARE.tiltDegPerS, FIRMWARE.tiltDegPerS2);
    const done = this.#tilt.follow(at, phases, { velocity: 0, position: tilt });
    this.#tilting = true;
    this.#tiltPlan = this.plan(done, (ms) => {
      this.#tilting = false;
      this.emit('tiltReached', ms, { tilt });
    });
    return ACCEPTED;
  }

  #onPermit(level: Permit, at: number): void {
    if (level === 'closed') return;
    if (this.#tilting) this.#stopTilt(at);
    if (this.#rotation !== 'stopped') this.#spinDown(at, FIRMWARE.brakeRadPerS2);
    this.changed();
  }

  #stopTilt(at: number): void {
    this.#tiltPlan?.cancel();
    this.#tilting = false;
    this.#tilt.follow(at, [ramp(this.#tilt.velocity(at), 0, FIRMWARE.tiltBrakeDegPerS2)], { velocity: 0 });
  }

  /** The rotation drive has one plan at a time. */
  #drive(rotation: Rotation, doneMs: number, done: (atMs: number) => void): void {
    this.#drivePlan?.cancel();
    this.#rotation = rotation;
    this.#drivePlan = this.plan(doneMs, done);
  }

  /** Why nothing may start to move now; a drive that is `atSpeed` may be sent to another speed. */
  #blocked(allowed?: Rotation): ModelReply | undefined {
    const { level } = this.lines.motionPermit;
    if (level !== 'closed') return refuse('motionBlocked', `safety chain open: ${level}`);
    if (this.#tilting) return refuse('busy', 'tilting');
    if (this.#rotation === 'stopped' || this.#rotation === allowed) return undefined;
    return refuse('busy', this.#rotation);
  }
}

/** Degrees in [0, 360) of an angle in rad. */
function wrapped(angle: number): number {
  const turn = 2 * Math.PI;
  return ((((angle % turn) + turn) % turn) / turn) * 360;
}

/** Signed way in rad from one angle to the same direction as another, half a turn at most. */
function shortestTurn(from: number, to: number): number {
  const turn = 2 * Math.PI;
  const way = (to - from) % turn;
  if (way > Math.PI) return way - turn;
  return way < -Math.PI ? way + turn : way;
}
