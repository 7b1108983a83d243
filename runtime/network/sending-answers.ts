import type { Clock } from '../../hal/base/clock.js';
import type { Archive, DeliveryResult } from '../archive/archive.js';

/** How an instance was answered. */
export interface Answer extends DeliveryResult {
  /** The UID of the derived object that was sent in its place. */
  sentAs?: string;
}

/** Under which UIDs a job has sent images that lossy coding derived: a record of the archive's state for each. */
export const sentAs = {
  async load(archive: Pick<Archive, 'states'>, sendId: string): Promise<Map<string, string>> {
    const kept = await archive.states<string>(owner(sendId));
    return new Map(kept.map(({ key, value }) => [key, value]));
  },

  save(archive: Pick<Archive, 'saveState'>, sendId: string, uid: string, sentUid: string): Promise<void> {
    return archive.saveState(owner(sendId), uid, sentUid);
  },

  async forget(archive: Pick<Archive, 'states' | 'removeState'>, sendId: string): Promise<void> {
    for (const { key } of await archive.states(owner(sendId))) await archive.removeState(owner(sendId), key);
  },
};

function owner(sendId: string): string {
  return `sent as ${sendId}`;
}

export interface AnswerLogOptions {
  archive: Archive;
  sendId: string;
  node: string;
  clock: Clock;
  acknowledged(uids: string[]): void;
}

/** The machine's record is written whole each time it is told: not more often than this. */
const TELL_EVERY_MS = 1000;

/** Answers that are not on record yet: no more is sent meanwhile, so a crash repeats no more than these. */
export const MOST_UNRECORDED = 16;

/** Status flags as they come, in groups: while one is written the next gathers. */
export class AnswerLog {
  readonly #options: AnswerLogOptions;
  #waiting: Answer[] = [];
  #unrecorded = 0;
  #untold: string[] = [];
  #toldAt: number;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: AnswerLogOptions) {
    this.#options = options;
    this.#toldAt = options.clock.now();
  }

  /** How many instances may be sent now. @throws ScannerError data.disk */
  async room(): Promise<number> {
    // half of them at least: an association that starts and stops at every answer is a slow one
    while (this.#unrecorded > MOST_UNRECORDED / 2) await this.#writing;
    return MOST_UNRECORDED - this.#unrecorded;
  }

  add(answer: Answer): void {
    this.#unrecorded += 1;
    this.#waiting.push(answer);
    if (this.#waiting.length > 1) return;
    this.#writing = this.#writing.then(() => this.#write());
    this.#writing.catch(() => undefined); // `written` tells it
  }

  /** Resolves when all is durable and the machine knows of it. @throws ScannerError data.disk */
  async written(): Promise<void> {
    await this.#writing;
    this.#tell();
  }

  async #write(): Promise<void> {
    const { archive, node, sendId, clock } = this.#options;
    const answers = this.#waiting;
    this.#waiting = [];
    for (const { sopInstanceUid, sentAs: uid } of answers) {
      if (uid) await sentAs.save(archive, sendId, sopInstanceUid, uid);
    }
    await archive.recordDeliveries(node, answers);
    this.#unrecorded -= answers.length;
    this.#untold.push(...answers.filter(({ sent }) => sent === 'sent').map(({ sopInstanceUid }) => sopInstanceUid));
    if (clock.now() - this.#toldAt >= TELL_EVERY_MS) this.#tell();
  }

  #tell(): void {
    this.#toldAt = this.#options.clock.now();
    if (this.#untold.length > 0) this.#options.acknowledged(this.#untold.splice(0));
  }
}
