import type { TimerHandle } from '../../hal/base/clock.js';
import { readTable } from '../../hal/base/table.js';
import {
  ACCEPTED,
  Board,
  type BoardOptions,
  type Handler,
  type ModelIdentity,
  refuse,
  type WireRecord,
} from './board.js';

interface GatingTable {
  identity: ModelIdentity;
  ecgSamplesPerSecond: number;
  respirationSamplesPerSecond: number;
  blockMs: number;
}

const FIRMWARE: GatingTable = readTable(import.meta.url, './gating.json');

const SOURCES = ['ecg', 'respiration'] as const;
export type GatingSource = (typeof SOURCES)[number];

const SAMPLES_PER_SECOND: Readonly<Record<GatingSource, number>> = {
  ecg: FIRMWARE.ecgSamplesPerSecond,
  respiration: FIRMWARE.respirationSamplesPerSecond,
};

/** A physiological signal of whoever lies on the table. Times in scanner ms. */
export interface Signal {
  /** mV (ECG) or mm (respiration). */
  valueAt(ms: number): number;
  /** The first R-wave, or end of inspiration, after `ms`. */
  nextTrigger(ms: number): number;
  /** Cycles a minute now. */
  perMinute(ms: number): number;
}

export interface GatingOptions extends BoardOptions {
  /** The patient's signals; asked each time, since the patient may change. */
  signal: (source: GatingSource) => Signal;
}

/** Gating inputs: finds triggers at their exact times, drives the trigger lines, sends the waveforms. */
export class GatingBoard extends Board {
  readonly name = 'gating';
  readonly identity = FIRMWARE.identity;
  readonly #signal: GatingOptions['signal'];
  readonly #connected: Record<GatingSource, boolean> = { ecg: true, respiration: true };
  /** What each enabled source is going to do next. */
  readonly #plans: Record<GatingSource, TimerHandle[] | undefined> = { ecg: undefined, respiration: undefined };

  constructor(options: GatingOptions) {
    super(options);
    this.#signal = options.signal;
  }

  protected readonly handlers: Readonly<Record<string, Handler>> = {
    enable: ({ source }) => {
      const wanted = sourceOf(source);
      if (!this.#connected[wanted]) return refuse('noSignal', `${wanted} is not connected`);
      if (!this.#plans[wanted]) this.#enable(wanted);
      return ACCEPTED;
    },
    disable: ({ source }) => {
      this.#disable(sourceOf(source));
      return ACCEPTED;
    },
  };

  readState(): WireRecord {
    const at = this.agenda.now();
    const rate = (source: GatingSource) => (this.#plans[source] ? this.#signal(source).perMinute(at) : 0);
    return {
      ecgEnabled: this.#plans.ecg !== undefined,
      ecgBeatsPerMinute: rate('ecg'),
      respirationEnabled: this.#plans.respiration !== undefined,
      respirationBreathsPerMinute: rate('respiration'),
    };
  }

  /** Leads fall off, or are put back; a source that was enabled is then disabled. */
  connect(source: GatingSource, connected: boolean): void {
    this.#connected[source] = connected;
    if (!connected && this.#plans[source]) {
      this.#disable(source);
      this.emergency('signalLost', `${source} gives no signal`);
    } else this.changed();
  }

  protected reset(_atMs: number): void {
    for (const source of SOURCES) this.#disable(source);
  }

  #enable(source: GatingSource): void {
    const at = this.agenda.now();
    this.#plans[source] = [];
    this.#planTrigger(source, at);
    this.#planWaveform(source, at);
  }

  #disable(source: GatingSource): void {
    for (const plan of this.#plans[source] ?? []) plan.cancel();
    this.#plans[source] = undefined;
  }

  #planTrigger(source: GatingSource, after: number): void {
    const line = source === 'ecg' ? this.lines.rWave : this.lines.respiratoryTrigger;
    this.#keep(source, this.#signal(source).nextTrigger(after), (ms) => {
      line.drive(line.level + 1, ms);
      this.emit('trigger', ms, { source });
      this.#planTrigger(source, ms);
    });
  }

  #planWaveform(source: GatingSource, from: number): void {
    const samplesPerSecond = SAMPLES_PER_SECOND[source];
    const count = Math.round((FIRMWARE.blockMs * samplesPerSecond) / 1000);
    this.#keep(source, from + FIRMWARE.blockMs, (ms) => {
      const signal = this.#signal(source);
      const values = Float32Array.from({ length: count }, (_, i) =>
        signal.valueAt(from + (i * 1000) / samplesPerSecond),
      );
      this.emit('waveform', from, { source, samplesPerSecond, values });
      this.#planWaveform(source, ms);
    });
  }

  #keep(source: GatingSource, ms: number, fn: (atMs: number) => void): void {
    const plans = this.#plans[source];
    if (!plans) return;
    const plan = this.plan(ms, (at) => {
      plans.splice(plans.indexOf(plan), 1);
      fn(at);
    });
    plans.push(plan);
  }
}

function sourceOf(value: unknown): GatingSource {
  return value === 'respiration' ? 'respiration' : 'ecg';
}
