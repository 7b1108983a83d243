/** A chain whose devices do nothing by themselves: the test says what they report. */
import { BehaviorSubject, NEVER, Subject } from 'rxjs';
import type { Chain } from '../../hal/contract/chain.js';
import type { CtDetectorState } from '../../hal/contract/ctdetector.js';
import type { DeviceName, Fault, Identity, Lifecycle, Reply } from '../../hal/contract/device.js';
import type { GantryEvent, GantryState } from '../../hal/contract/gantry.js';
import type { GatingEvent, GatingState } from '../../hal/contract/gating.js';
import type { GeneratorEvent, GeneratorState } from '../../hal/contract/generator.js';
import type { InterlockState } from '../../hal/contract/interlock.js';
import type { PetRingsEvent, PetRingsState } from '../../hal/contract/petrings.js';
import type { TableEvent, TableState } from '../../hal/contract/table.js';

const accepted: Reply = { kind: 'accepted' };

export class ScriptedDevice<State, Event> {
  readonly lifecycle$ = new BehaviorSubject<Lifecycle>('unconfigured');
  readonly state$: BehaviorSubject<State>;
  readonly events$ = new Subject<Event>();
  readonly faults$ = new Subject<Fault>();
  readonly identity: Identity | undefined = { model: 'scripted', serial: '1', firmware: '1', dictionaryVersion: 1 };
  /** Names of the commands it was given. */
  readonly commands: string[] = [];
  /** Made false, `configure` fails as if nobody answered. */
  reachable = true;

  constructor(
    readonly name: DeviceName,
    initial: State,
  ) {
    this.state$ = new BehaviorSubject(initial);
  }

  get lifecycle(): Lifecycle {
    return this.lifecycle$.value;
  }

  get state(): State {
    return this.state$.value;
  }

  become(change: Partial<State>): void {
    this.state$.next({ ...this.state, ...change });
  }

  fault(code: string): void {
    this.faults$.next({ device: this.name, code, text: code, at: 0 });
  }

  drop(): void {
    this.reachable = false;
    this.lifecycle$.next('failed');
    this.fault('linkLost');
  }

  async configure(): Promise<Reply> {
    this.commands.push('configure');
    if (!this.reachable) return { kind: 'refused', reason: 'silent', detail: '' };
    this.lifecycle$.next('inactive');
    return accepted;
  }

  async activate(): Promise<Reply> {
    this.commands.push('activate');
    this.lifecycle$.next('active');
    return accepted;
  }

  async deactivate(): Promise<Reply> {
    return accepted;
  }

  async close(): Promise<void> {}

  readonly take = (command: string) => async () => {
    this.commands.push(command);
    return accepted;
  };
}

export interface ScriptedChain {
  chain: Chain;
  interlock: ScriptedDevice<InterlockState, never>;
  gantry: ScriptedDevice<GantryState, GantryEvent>;
  table: ScriptedDevice<TableState, TableEvent>;
  generator: ScriptedDevice<GeneratorState, GeneratorEvent>;
  ctdetector: ScriptedDevice<CtDetectorState, never>;
  petrings: ScriptedDevice<PetRingsState, PetRingsEvent>;
  gating: ScriptedDevice<GatingState, GatingEvent>;
}

export const CLOSED: InterlockState = {
  emergencyStop: false,
  doorClosed: true,
  tripped: false,
  beamPermit: true,
  motionPermit: true,
};

export function scriptedChain(): ScriptedChain {
  const devices = {
    interlock: new ScriptedDevice<InterlockState, never>('interlock', CLOSED),
    gantry: new ScriptedDevice<GantryState, GantryEvent>('gantry', {
      rotation: 'stopped',
      rotationTime: 0,
      angle: 0,
      tilt: 0,
      tilting: false,
    }),
    table: new ScriptedDevice<TableState, TableEvent>('table', {
      horizontal: 0,
      vertical: 800,
      velocity: 0,
      moving: false,
      homed: true,
      loadKg: 80,
    }),
    generator: new ScriptedDevice<GeneratorState, GeneratorEvent>('generator', {
      phase: 'standby',
      beamOn: false,
      kv: 0,
      ma: 0,
      anodeHeat: 0,
    }),
    ctdetector: new ScriptedDevice<CtDetectorState, never>('ctdetector', {
      phase: 'idle',
      scanId: 0,
      readings: 0,
      temperatureCelsius: 30,
    }),
    petrings: new ScriptedDevice<PetRingsState, PetRingsEvent>('petrings', {
      phase: 'idle',
      frameId: 0,
      elapsed: 0,
      singlesPerSecond: 0,
      promptsPerSecond: 0,
      delayedsPerSecond: 0,
      lowerKeV: 435,
      upperKeV: 650,
      blocksFailed: 0,
      hottestBlockCelsius: 20,
    }),
    gating: new ScriptedDevice<GatingState, GatingEvent>('gating', {
      ecgEnabled: false,
      ecgBeatsPerMinute: 0,
      respirationEnabled: false,
      respirationBreathsPerMinute: 0,
    }),
  };
  const { interlock, gantry, table, generator, ctdetector, petrings, gating } = devices;
  const chain = {
    interlock: commands(interlock, ['stopAll', 'reset']),
    gantry: commands(gantry, ['startRotation', 'stopRotation', 'parkTube', 'tiltTo']),
    table: commands(table, ['moveHorizontal', 'moveVertical', 'feed', 'halt', 'home']),
    generator: commands(generator, ['prepare', 'arm', 'fire', 'beamOff', 'standby']),
    ctdetector: Object.assign(commands(ctdetector, ['arm', 'disarm']), { readings$: NEVER }),
    petrings: Object.assign(commands(petrings, ['setEnergyWindow', 'start', 'stop']), { words$: NEVER }),
    gating: Object.assign(commands(gating, ['enable', 'disable']), { waveform$: NEVER }),
  };
  return { chain: chain as unknown as Chain, ...devices };
}

function commands<D extends { take: (command: string) => () => Promise<Reply> }>(device: D, names: string[]): D {
  for (const name of names) Object.assign(device, { [name]: device.take(name) });
  return device;
}
