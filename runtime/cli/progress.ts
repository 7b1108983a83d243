/** Progress of an examination on stderr: bars on a terminal, a line every tenth elsewhere. */

import { MultiBar, type SingleBar } from 'cli-progress';
import type { ServiceEvent } from '../service/operations.js';
import { say } from './output.js';

export class Progress {
  readonly #bars: MultiBar | undefined;
  readonly #bar = new Map<string, SingleBar>();
  readonly #tenths = new Map<string, number>();

  constructor() {
    if (!process.stderr.isTTY) return;
    this.#bars = new MultiBar({
      format: '{stage} |{bar}| {percentage} %  {label}',
      stream: process.stderr,
      hideCursor: true,
      forceRedraw: true,
    });
  }

  show(event: ServiceEvent): void {
    if (event.type === 'progress') this.#fraction(event.stage, event.label, event.fraction);
    if (event.type === 'delivery') {
      this.#fraction('send', `${event.node} ${event.done}/${event.total}`, event.done / Math.max(1, event.total));
    }
    if (event.type === 'exam' && event.phase === 'interrupted') {
      const { examId, reason } = event;
      this.#line(
        `interrupted: ${reason}; it goes on with "exam continue ${examId}", or ends with "exam abort ${examId}"`,
      );
    }
    if (event.type === 'mpps' && event.reason) this.#line(`MPPS ${event.state}: ${event.reason}`);
    if (event.type === 'device' && event.fault) this.#line(`${event.device}: ${event.fault}`);
  }

  stop(): void {
    this.#bars?.stop();
  }

  #fraction(stage: string, label: string, fraction: number): void {
    const name = stage.padEnd(14);
    if (this.#bars) {
      let bar = this.#bar.get(stage);
      if (!bar) {
        bar = this.#bars.create(1000, 0, { stage: name, label });
        this.#bar.set(stage, bar);
      }
      bar.update(Math.round(fraction * 1000), { stage: name, label });
      return;
    }
    const key = `${stage} ${label.replace(/[\d/]+$/, '')}`;
    const tenth = Math.floor(fraction * 10);
    if ((this.#tenths.get(key) ?? -1) >= tenth) return;
    this.#tenths.set(key, tenth);
    say(`${name} ${String(Math.round(fraction * 100)).padStart(3)} %  ${label}`);
  }

  #line(text: string): void {
    if (this.#bars) this.#bars.log(`${text}\n`);
    else say(text);
  }
}
