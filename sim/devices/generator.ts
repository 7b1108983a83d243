import type { TimerHandle } from '../../hal/base/clock.js';
import { readTable } from '../../hal/base/table.js';
import { Anode } from './anode.js';
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

interface GeneratorTable {
  identity: ModelIdentity;
  kv: number[];
  ma: [number, number];
  kilowatt: number;
  exposureSeconds: [number, number];
  anodeHeat: number;
  heatFactor: number;
  coolingTauSeconds: number;
  preheatSeconds: number;
  switchOffMs: number;
  hostSilenceMs: number;
}

const FIRMWARE: GeneratorTable = readTable(import.meta.url, './generator.json');

type Phase = 'standby' | 'preheating' | 'ready' | 'armed' | 'exposing';
type EndReason = 'window' | 'timer' | 'host' | 'interlock' | 'emergencyStop' | 'watchdog' | 'arc' | 'heat';

/** After these the tube is prepared anew before it may be armed again. */
const SAFETY_ENDS: readonly EndReason[] = ['interlock', 'emergencyStop', 'watchdog', 'arc', 'heat'];

interface Technique {
  kv: number;
  ma: number;
  maxSeconds: number;
}

/** X-ray generator and tube. The beam is on only while armed, permitted, in time, cool enough and watched by a live host. */
export class GeneratorBoard extends Board {
  readonly name = 'generator';
  readonly identity = FIRMWARE.identity;
  readonly anode: Anode;
  #phase: Phase = 'standby';
  #technique: Technique = { kv: 120, ma: FIRMWARE.ma[0], maxSeconds: 1 };
  #trigger: 'window' | 'host' = 'host';
  /** No host heard yet. */
  #silentMs = Number.POSITIVE_INFINITY;
  #exposure: { startMs: number; ends: TimerHandle[] } | undefined;
  #beamOffMs: number | undefined;
  #preheat: TimerHandle | undefined;

  constructor(options: BoardOptions) {
    super(options);
    this.anode = new Anode({ tauSeconds: FIRMWARE.coolingTauSeconds, heat: 0, atMs: this.agenda.now() });
    this.lines.scanWindow.watch((inside, ms) => this.#onWindow(inside, ms));
    this.lines.beamPermit.watch((level, ms) => this.#onPermit(level, ms));
  }

  protected readonly handlers: Readonly<Record<string, Handler>> = {
    prepare: ({ kv, ma, maxSeconds }) =>
      this.#prepare({ kv: Number(kv), ma: Number(ma), maxSeconds: Number(maxSeconds) }),
    arm: ({ trigger }) => this.#arm(trigger === 'window' ? 'window' : 'host'),
    fire: () => this.#fire(),
    beamOff: () => {
      this.#makeSafe('host', this.agenda.now());
      return ACCEPTED;
    },
    standby: () => {
      if (this.#phase === 'exposing') return refuse('busy', 'exposing');
      this.#makeSafe('host', this.agenda.now());
      this.#preheat?.cancel();
      this.#phase = 'standby';
      return ACCEPTED;
    },
  };

  readState(): WireRecord {
    const at = this.agenda.now();
    return {
      phase: this.#phase,
      beamOn: this.lines.beam.level !== undefined,
      kv: this.#technique.kv,
      ma: this.#technique.ma,
      anodeHeat: this.anode.heat(at),
    };
  }

  /** When the tube last stopped emitting, scanner ms: measured at the tube, not at the event. */
  get beamOffMs(): number | undefined {
    return this.#beamOffMs;
  }

  /** A flash-over in the tube: the generator drops the high voltage. Without a beam there is nothing to flash over. */
  arc(): void {
    if (this.#phase !== 'exposing') return;
    const at = this.agenda.now();
    this.emit('arc', at);
    this.#endExposure('arc', at);
    this.emergency('arc', 'flash-over in the tube');
  }

  /** The oil cooler's loss, or a long day: heat from elsewhere. */
  setAnodeHeat(heat: number): void {
    this.anode.setHeat(this.agenda.now(), heat);
    this.#planHeatEnd();
    this.changed();
  }

  override hostSilent(ms: number): void {
    this.#silentMs = ms;
    if (ms < FIRMWARE.hostSilenceMs || (this.#phase !== 'armed' && this.#phase !== 'exposing')) return;
    this.#makeSafe('watchdog', this.agenda.now());
    this.emergency('watchdog', `host silent for ${Math.round(ms)} ms`);
  }

  override lifecycleChanged(active: boolean): void {
    if (!active) this.#makeSafe('host', this.agenda.now());
  }

  protected reset(atMs: number): void {
    if (this.lines.beam.level) this.#cutBeam(atMs);
    this.#exposure = undefined;
    this.#phase = 'standby';
    this.#silentMs = Number.POSITIVE_INFINITY;
  }

  #prepare(technique: Technique): ModelReply {
    const refused = this.#refusal(technique);
    if (refused) return refused;
    this.#technique = technique;
    this.#phase = 'preheating';
    this.#preheat?.cancel();
    this.#preheat = this.plan(this.agenda.now() + FIRMWARE.preheatSeconds * 1000, (ms) => {
      this.#phase = 'ready';
      this.emit('ready', ms);
    });
    return ACCEPTED;
  }

  #refusal({ kv, ma, maxSeconds }: Technique): ModelReply | undefined {
    if (this.#phase === 'armed' || this.#phase === 'exposing') return refuse('busy', this.#phase);
    if (!FIRMWARE.kv.includes(kv)) return refuse('outOfRange', `kV ${kv}: one of ${FIRMWARE.kv.join(', ')}`);
    if (!inRange(ma, FIRMWARE.ma)) return refuse('outOfRange', `mA ${ma}: ${FIRMWARE.ma.join(' to ')}`);
    if (!inRange(maxSeconds, FIRMWARE.exposureSeconds))
      return refuse('outOfRange', `seconds ${maxSeconds}: ${FIRMWARE.exposureSeconds.join(' to ')}`);
    const kilowatt = (kv * ma) / 1000;
    if (kilowatt > FIRMWARE.kilowatt) return refuse('power', `${kilowatt} kW of ${FIRMWARE.kilowatt} kW`);
    return this.#tooHot({ kv, ma, maxSeconds });
  }

  #tooHot({ kv, ma, maxSeconds }: Technique): ModelReply | undefined {
    const heat = this.anode.predict(this.agenda.now(), FIRMWARE.heatFactor * kv * ma, maxSeconds);
    if (heat <= FIRMWARE.anodeHeat) return undefined;
    return refuse('heat', `the anode would reach ${Math.round(heat)} HU of ${FIRMWARE.anodeHeat} HU`);
  }

  #arm(trigger: 'window' | 'host'): ModelReply {
    const unsafe = this.#unsafe();
    if (unsafe) return unsafe;
    if (this.#phase !== 'ready') return refuse('notReady', this.#phase);
    const hot = this.#tooHot(this.#technique);
    if (hot) return refuse('notReady', 'the anode has not cooled enough for another exposure');
    // an exposure starts at the edge of the window line, never in the middle of a window
    if (trigger === 'window' && this.lines.scanWindow.level)
      return refuse('notReady', 'the table is inside the window');
    this.#trigger = trigger;
    this.#phase = 'armed';
    const at = this.agenda.now();
    this.plan(at, () => this.#phase === 'armed' && this.emit('armed', at));
    return ACCEPTED;
  }

  #unsafe(): ModelReply | undefined {
    const { level } = this.lines.beamPermit;
    if (level !== 'closed') return refuse('interlock', `safety chain open: ${level}`);
    if (this.#silentMs < FIRMWARE.hostSilenceMs) return undefined;
    return refuse('noHeartbeat', `host silent for ${Math.round(this.#silentMs)} ms`);
  }

  #fire(): ModelReply {
    const unsafe = this.#unsafe();
    if (unsafe) return unsafe;
    if (this.#phase !== 'armed' || this.#trigger !== 'host') return refuse('notReady', this.#phase);
    this.#expose(this.agenda.now());
    return ACCEPTED;
  }

  #onWindow(inside: boolean, at: number): void {
    if (this.#trigger !== 'window') return;
    if (inside && this.#phase === 'armed') this.#expose(at);
    if (!inside && this.#phase === 'exposing') this.#endExposure('window', at);
  }

  #onPermit(level: Permit, at: number): void {
    if (level !== 'closed') this.#makeSafe(level === 'door' ? 'interlock' : level, at);
  }

  #expose(at: number): void {
    const { kv, ma, maxSeconds } = this.#technique;
    this.#phase = 'exposing';
    this.anode.setPower(at, FIRMWARE.heatFactor * kv * ma);
    this.#exposure = { startMs: at, ends: [] };
    this.#exposure.ends.push(this.plan(at + maxSeconds * 1000, (ms) => this.#endExposure('timer', ms)));
    this.#planHeatEnd();
    this.lines.beam.drive({ kv, ma }, at);
    this.plan(at, () => this.emit('exposureStarted', at, { kv, ma }));
  }

  #planHeatEnd(): void {
    if (!this.#exposure) return;
    const at = this.agenda.now();
    const power = FIRMWARE.heatFactor * this.#technique.kv * this.#technique.ma;
    const seconds = this.anode.secondsTo(at, power, FIRMWARE.anodeHeat);
    if (!Number.isFinite(seconds)) return;
    this.#exposure.ends.push(
      this.plan(at + seconds * 1000, (ms) => {
        this.#endExposure('heat', ms);
        this.emergency('anodeOverheat', `${FIRMWARE.anodeHeat} HU reached`);
      }),
    );
  }

  /** Ends an exposure or takes back the arming, whichever there is. */
  #makeSafe(reason: EndReason, at: number): void {
    if (this.#phase === 'exposing') this.#endExposure(reason, at);
    if (this.#phase !== 'armed') return;
    this.#phase = SAFETY_ENDS.includes(reason) ? 'standby' : 'ready';
    this.emit('disarmed', at, { reason });
  }

  /** The high voltage needs `switchOffMs` to fall after a safety end; planned ends are early by as much. */
  #endExposure(reason: EndReason, at: number): void {
    const exposure = this.#exposure;
    if (!exposure) return;
    const planned = reason === 'window' || reason === 'timer';
    const offMs = planned ? at : at + FIRMWARE.switchOffMs;
    for (const end of exposure.ends) end.cancel();
    this.#exposure = undefined;
    this.#phase = SAFETY_ENDS.includes(reason) ? 'standby' : 'ready';
    const finish = () => {
      this.#cutBeam(offMs);
      const seconds = (offMs - exposure.startMs) / 1000;
      this.emit('exposureEnded', offMs, { reason, seconds, mas: seconds * this.#technique.ma });
    };
    if (planned) finish();
    else this.plan(offMs, finish);
  }

  #cutBeam(at: number): void {
    this.#beamOffMs = at;
    this.anode.setPower(at, 0);
    this.lines.beam.drive(undefined, at);
  }
}
