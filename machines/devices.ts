/** The device machines on a chain: fed with facts, asked for what stands in the way, and a source of hazards. */

import { type Observable, Subject } from 'rxjs';
import { type Actor, type AnyStateMachine, createActor } from 'xstate';
import type { Clock } from '../hal/base/clock.js';
import type { Chain } from '../hal/contract/chain.js';
import { DEVICE_NAMES, type DeviceName } from '../hal/contract/device.js';
import { type MachineClock, machineClock } from './clock.js';
import { connector } from './connect.js';
import { gatingFacts } from './facts/gating.js';
import { generatorFacts } from './facts/generator.js';
import { interlockFacts } from './facts/interlock.js';
import { isDeviceFault, linkFacts } from './facts/link.js';
import { motionFacts } from './facts/motion.js';
import { petringsFacts } from './facts/petrings.js';
import { gatingMachine } from './gating.js';
import { type BeamUnexpected, generatorMachine } from './generator.js';
import type { Blocker, SafetyEvent } from './hazards.js';
import { interlockMachine } from './interlock.js';
import { type LinkFact, linkMachine } from './link.js';
import { motionMachine } from './motion.js';
import { type FrameLost, petringsMachine } from './petrings.js';
import type { Unexpected } from './types.js';

export interface DeviceStates {
  links: Record<DeviceName, string>;
  interlock: string;
  motion: string;
  generator: string;
  petrings: string;
  ecg: string;
  respiration: string;
}

export type DeviceFact = LinkFact | Unexpected | BeamUnexpected | FrameLost;

/** Starts the machines of all devices. Each link connects at once and again whenever it is lost, until `stop`. */
export class DeviceWatch {
  readonly #changes$ = new Subject<void>();
  readonly #safety$ = new Subject<SafetyEvent>();
  readonly #facts$ = new Subject<DeviceFact>();
  readonly #owned: { unsubscribe(): void }[] = [];
  readonly #actors: { stop(): unknown }[] = [];
  readonly #wall: MachineClock;
  readonly #links: Record<DeviceName, Actor<typeof linkMachine>>;
  readonly #interlock = createActor(interlockMachine);
  readonly #motion = createActor(motionMachine);
  readonly #generator = createActor(generatorMachine);
  readonly #petrings = createActor(petringsMachine);
  readonly #ecg = createActor(gatingMachine, { input: { source: 'ecg' } });
  readonly #respiration = createActor(gatingMachine, { input: { source: 'respiration' } });

  constructor({ chain, clock }: { chain: Chain; clock: Clock }) {
    this.#wall = machineClock(clock.wall);
    this.#watchInterlock();
    for (const actor of [this.#interlock, this.#motion, this.#generator, this.#petrings]) this.#start(actor);
    for (const actor of [this.#ecg, this.#respiration]) this.#start(actor);
    const connecting = linkMachine.provide({ actors: { connect: connector(chain) } });
    const links = DEVICE_NAMES.map((device) => [device, this.#watchLink(device, chain, connecting)] as const);
    this.#links = Object.fromEntries(links) as Record<DeviceName, Actor<typeof linkMachine>>;
    this.#owned.push(
      interlockFacts(chain.interlock).subscribe((fact) => this.#interlock.send(fact)),
      motionFacts(chain.gantry, chain.table).subscribe((fact) => this.#motion.send(fact)),
      generatorFacts(chain.generator).subscribe((fact) => this.#generator.send(fact)),
      petringsFacts(chain.petrings).subscribe((fact) => this.#petrings.send(fact)),
      gatingFacts(chain.gating, 'ecg', clock).subscribe((fact) => this.#ecg.send(fact)),
      gatingFacts(chain.gating, 'respiration', clock).subscribe((fact) => this.#respiration.send(fact)),
    );
  }

  get states(): DeviceStates {
    const links = DEVICE_NAMES.map((device) => [device, nameOf(this.#links[device])]);
    return {
      links: Object.fromEntries(links) as Record<DeviceName, string>,
      interlock: nameOf(this.#interlock),
      motion: nameOf(this.#motion),
      generator: nameOf(this.#generator),
      petrings: nameOf(this.#petrings),
      ecg: nameOf(this.#ecg),
      respiration: nameOf(this.#respiration),
    };
  }

  /** What stands in the way of beam and motion now. */
  get blockers(): Blocker[] {
    const { interlock, links } = this.states;
    const chain: Blocker[] = interlock === 'closed' ? [] : [interlock === 'tripped' ? 'emergencyStop' : 'interlock'];
    const lost = DEVICE_NAMES.filter((device) => links[device] !== 'up');
    return [...chain, ...lost.map((device): Blocker => `link:${device}`)];
  }

  /** Fires after each change of `states`. */
  get changes$(): Observable<void> {
    return this.#changes$;
  }

  /** What a running acquisition must know. */
  get safety$(): Observable<SafetyEvent> {
    return this.#safety$;
  }

  get facts$(): Observable<DeviceFact> {
    return this.#facts$;
  }

  /** Resolves true once all links are up, false when `limitMs` of wall time have passed. */
  whenUp(limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const isUp = () => DEVICE_NAMES.every((device) => this.states.links[device] === 'up');
      const settle = (up: boolean) => {
        this.#wall.clearTimeout(timer);
        subscription.unsubscribe();
        resolve(up);
      };
      const timer = this.#wall.setTimeout(() => settle(false), limitMs);
      const subscription = this.#changes$.subscribe(() => isUp() && settle(true));
      if (isUp()) settle(true);
    });
  }

  stop(): void {
    for (const subscription of this.#owned) subscription.unsubscribe();
    for (const actor of this.#actors) actor.stop();
  }

  #start(actor: Actor<AnyStateMachine>): void {
    this.#actors.push(actor);
    this.#owned.push(
      actor.on('*', (fact) => this.#facts$.next(fact as DeviceFact)),
      actor.subscribe(() => this.#changes$.next()),
    );
    actor.start();
  }

  #watchInterlock(): void {
    let known = 'open';
    const subscription = this.#interlock.subscribe(({ value, context }) => {
      if (value === known) return;
      known = value;
      if (value === 'closed') this.#safety$.next({ type: 'INTERLOCK_CLOSED' });
      else if (value === 'tripped') this.#safety$.next({ type: 'EMERGENCY_STOPPED' });
      else this.#safety$.next({ type: 'INTERLOCK_OPENED', reason: context.reason ?? 'open' });
    });
    this.#owned.push(subscription);
  }

  #watchLink(device: DeviceName, chain: Chain, connecting: typeof linkMachine): Actor<typeof linkMachine> {
    const link = createActor(connecting, { clock: this.#wall, input: { device } });
    this.#owned.push(
      link.on('link.lost', () => this.#safety$.next({ type: 'LINK_LOST', device })),
      link.on('link.up', () => this.#safety$.next({ type: 'LINK_RESTORED', device })),
      linkFacts(chain[device]).subscribe((fact) => link.send(fact)),
      chain[device].faults$.subscribe(({ code }) => {
        if (isDeviceFault(code)) this.#safety$.next({ type: 'FAULT', device, code });
      }),
    );
    this.#start(link);
    return link;
  }
}

function nameOf(actor: { getSnapshot(): { value: unknown } }): string {
  return String(actor.getSnapshot().value);
}
