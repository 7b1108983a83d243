import { uniformAt } from '../physics/random.js';
import type { Action, ActionOf, Rule, Script } from './script.js';
import { type ServiceName, serviceOfClass } from './service-names.js';

/** What a rule is held against. */
interface Occasion {
  phase: Phase;
  callingAe: string;
  calledAe: string;
  /** Those proposed, or the one of the request. */
  sopClasses: readonly string[];
  services: readonly ServiceName[];
  command?: string;
}

type Phase = 'association' | 'request' | 'commitment';

interface Entry {
  id: number;
  rule: Rule;
  /** Occasions that its filters let by. */
  seen: number;
  applied: number;
}

const ASSOCIATION_ACTIONS: readonly Action['action'][] = [
  'reject',
  'refuse-context',
  'refuse-syntax',
  'max-pdu',
  'slow',
];
const ASSOCIATION_MOMENTS: readonly string[] = ['associate', 'accepted', 'release'];

/** The rules in force. They may change at any time; what has begun goes on as it began. */
export class Rulebook {
  readonly #entries = new Map<number, Entry>();
  readonly #seed: number;
  #nextId = 1;
  #drawn = 0;

  constructor(options: { seed?: number; script?: Script } = {}) {
    this.#seed = options.seed ?? 1;
    for (const rule of options.script?.rules ?? []) this.add(rule);
  }

  /** @returns the rule's number */
  add(rule: Rule): number {
    const id = this.#nextId++;
    this.#entries.set(id, { id, rule, seen: 0, applied: 0 });
    return id;
  }

  /** @returns false when there is no such rule */
  remove(id: number): boolean {
    return this.#entries.delete(id);
  }

  clear(): void {
    this.#entries.clear();
  }

  list(): readonly Readonly<Entry>[] {
    return [...this.#entries.values()];
  }

  /** The next number in [0, 1) of the seed. */
  draw(): number {
    return uniformAt(this.#seed, this.#drawn++);
  }

  forAssociation(occasion: { callingAe: string; calledAe: string; sopClasses: readonly string[] }): Action[] {
    return this.#apply({ ...occasion, phase: 'association', services: occasion.sopClasses.map(serviceOfClass) });
  }

  forRequest(occasion: {
    callingAe: string;
    calledAe: string;
    sopClass: string;
    service: ServiceName;
    command: string;
  }): Action[] {
    const { sopClass, service } = occasion;
    return this.#apply({ ...occasion, phase: 'request', sopClasses: [sopClass], services: [service] });
  }

  /** What a commitment result is to be; the first rule that says something. */
  forCommitment(occasion: { callingAe: string; calledAe: string }): ActionOf<'commitment'> | undefined {
    const actions = this.#apply({ ...occasion, phase: 'commitment', sopClasses: [], services: ['commitment'] });
    return actions.find((action): action is ActionOf<'commitment'> => action.action === 'commitment');
  }

  #apply(occasion: Occasion): Action[] {
    const entries = [...this.#entries.values()].filter((entry) => this.#applies(entry, occasion));
    return entries.map(({ rule }) => rule.do);
  }

  #applies(entry: Entry, occasion: Occasion): boolean {
    const { rule } = entry;
    const { when } = rule;
    if (phaseOf(rule.do) !== occasion.phase || !concerns(rule, occasion)) return false;
    entry.seen++;
    if (when.nth !== undefined && entry.seen !== when.nth) return false;
    if (when.after !== undefined && entry.seen <= when.after) return false;
    if (when.count !== undefined && entry.applied >= when.count) return false;
    if (when.chance !== undefined && this.draw() >= when.chance) return false;
    entry.applied++;
    return true;
  }
}

function concerns({ service, when }: Rule, occasion: Occasion): boolean {
  if (service !== 'any' && !occasion.services.includes(service)) return false;
  if (when.callingAe !== undefined && when.callingAe !== occasion.callingAe) return false;
  if (when.calledAe !== undefined && when.calledAe !== occasion.calledAe) return false;
  if (when.sopClass !== undefined && !occasion.sopClasses.includes(when.sopClass)) return false;
  return when.command === undefined || when.command === occasion.command;
}

function phaseOf(action: Action): Phase {
  if (action.action === 'commitment') return 'commitment';
  if (ASSOCIATION_ACTIONS.includes(action.action)) return 'association';
  return 'at' in action && ASSOCIATION_MOMENTS.includes(action.at) ? 'association' : 'request';
}
