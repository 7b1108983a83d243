/** What is done by itself when a commitment has ended: 2.3.2 of the statement. */

import type { SequencedFact } from '../archive/archive.js';
import type { Fact } from '../archive/fact.js';
import { OutboxWorker, type WorkerOptions } from './worker.js';

export type Rule = { on: CommitmentFact['type']; node?: string } & (
  | { do: 'send'; to: string }
  | { do: 'log'; message?: string }
);

type CommitmentFact = Extract<Fact, { type: 'commitment.completed' | 'commitment.failed' }>;

export interface RulesOptions extends WorkerOptions {
  rules: readonly Rule[];
  /** Starts a send job; nothing when there is one of that ID. */
  send(job: { sendId: string; node: string; instances: string[] }): Promise<unknown>;
}

export class RulesWorker extends OutboxWorker<never> {
  protected readonly types = new Set<Fact['type']>(['commitment.completed', 'commitment.failed']);
  readonly #options: RulesOptions;

  constructor(options: RulesOptions) {
    super('rules', options);
    this.#options = options;
  }

  protected async handle({ seq, fact }: SequencedFact): Promise<void> {
    if (fact.type !== 'commitment.completed' && fact.type !== 'commitment.failed') return;
    for (const [i, rule] of this.#options.rules.entries()) {
      if (rule.on !== fact.type || (rule.node !== undefined && rule.node !== fact.node)) continue;
      if (rule.do === 'send') await this.#send(`rule-${seq}-${i}`, rule.to, fact);
      else this.#log(rule.message, fact);
    }
  }

  /** What a node has been sent already is not sent to it again: neither what it failed to commit to, nor in a circle. */
  async #send(sendId: string, to: string, { type, sopInstanceUids }: CommitmentFact): Promise<void> {
    const concerned = type === 'commitment.failed' ? sopInstanceUids.failed : sopInstanceUids.committed;
    const deliveries = await this.archive.deliveries({ node: to, sopInstanceUids: concerned });
    const there = new Set(deliveries.filter(({ sent }) => sent === 'sent').map(({ sopInstanceUid }) => sopInstanceUid));
    const instances = concerned.filter((uid) => !there.has(uid));
    if (instances.length > 0) await this.#options.send({ sendId, node: to, instances });
  }

  #log(message: string | undefined, { type, node, transactionUid, sopInstanceUids }: CommitmentFact): void {
    const fields = { node, transactionUid, committed: sopInstanceUids.committed.length };
    const failed = sopInstanceUids.failed.length;
    const text = message ?? `rule: ${type}`;
    if (type === 'commitment.failed') this.log.warn({ ...fields, failed }, text);
    else this.log.info({ ...fields, failed }, text);
  }
}
