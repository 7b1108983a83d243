import { z } from 'zod';
import type { TimerHandle } from '../hal/base/clock.js';
import { WIRE_DEVICES } from '../hal/wire/dictionary.js';
import { ACTION, checked, type SimAction } from './actions.js';
import type { Agenda } from './devices/agenda.js';
import type { Notice } from './devices/board.js';

const STEP = z.union([
  /** Scanner seconds after the start of the script. */
  z.strictObject({ atSeconds: z.number().min(0), action: ACTION }),
  z.strictObject({
    /** An event or emergency of a board. */
    on: z.strictObject({ device: z.enum(WIRE_DEVICES), event: z.string().min(1) }),
    /** Which occurrence; the first when absent. */
    occurrence: z.number().int().min(1).default(1),
    /** Scanner ms after it. */
    afterMs: z.number().min(0).default(0),
    action: ACTION,
  }),
]);

export const FAULT_SCRIPT = z.strictObject({ name: z.string().min(1), steps: z.array(STEP).max(1000) });

/** A fault script: what happens to the scanner, at a time or after something that a board did. */
export type FaultScript = z.infer<typeof FAULT_SCRIPT>;

/** @throws ScannerError config.invalid naming the first wrong value */
export function parseFaultScript(value: unknown, where = 'fault script'): FaultScript {
  return checked(FAULT_SCRIPT, value, where);
}

/** Runs fault scripts against a scanner. Steps happen in scanner time, each once. */
export class FaultPlayer {
  readonly #agenda: Agenda;
  readonly #act: (action: SimAction) => void;
  readonly #plans = new Set<TimerHandle>();
  #waiting: ((notice: Notice) => boolean)[] = [];

  constructor(options: { agenda: Agenda; act: (action: SimAction) => void }) {
    this.#agenda = options.agenda;
    this.#act = options.act;
  }

  /** To be told of all that the boards do. */
  notice(notice: Notice): void {
    this.#waiting = this.#waiting.filter((wait) => !wait(notice));
  }

  run(script: FaultScript): void {
    const start = this.#agenda.now();
    for (const step of script.steps) {
      if ('atSeconds' in step) this.#at(start + step.atSeconds * 1000, step.action);
      else this.#waiting.push(this.#waitFor(step.on, step.occurrence, step.afterMs, step.action));
    }
  }

  stop(): void {
    for (const plan of this.#plans) plan.cancel();
    this.#plans.clear();
    this.#waiting = [];
  }

  #waitFor(
    on: { device: string; event: string },
    occurrence: number,
    afterMs: number,
    action: SimAction,
  ): (notice: Notice) => boolean {
    let seen = 0;
    return (notice) => {
      if (notice.device !== on.device || notice.name !== on.event || ++seen < occurrence) return false;
      // never inside the board's own work
      this.#at(notice.at + afterMs, action);
      return true;
    };
  }

  #at(ms: number, action: SimAction): void {
    const plan = this.#agenda.at(ms, () => {
      this.#plans.delete(plan);
      this.#act(action);
    });
    this.#plans.add(plan);
  }
}
