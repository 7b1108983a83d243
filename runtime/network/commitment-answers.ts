/** Storage commitment that others ask of us: judged at once, kept until the result is delivered. */

import { type Clock, sleep } from '../../hal/base/clock.js';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Log } from '../../hal/base/log.js';
import type { Archive } from '../archive/archive.js';
import { TurnByKey } from '../archive/turn-by-key.js';
import type { Reply } from '../dicom/dimse/performer.js';
import { hexStatus, STATUS } from '../dicom/dimse/status.js';
import type { CommitmentResult, InstanceRef } from '../dicom/services/commitment-dataset.js';
import {
  type AskedCommitment,
  commitmentScpService,
  reportResult,
  sendResult,
} from '../dicom/services/commitment-scp.js';
import type { Caller, Service } from '../dicom/services/server.js';
import type { Node } from '../dicom/services/session.js';
import { storageClass } from '../dicom/storage-classes.js';
import { keptUid } from './receiving/conversions.js';
import { type Backoff, DEFAULT_BACKOFF, mayRetry } from './worker.js';

export interface CommitmentAnswersOptions {
  archive: Archive;
  /** Where results go that cannot go on the association of their request. */
  nodeFor(asker: Caller): Node | undefined;
  aeTitle: string;
  /** How long a result is offered to its node, wall ms. */
  expiryMs: number;
  clock: Clock;
  log: Log;
  backoff?: Backoff;
}

interface Answer {
  /** AE title of who asked. */
  peer: string;
  /** Its name, where it is a configured node. */
  node?: string;
  /** Wall ms since the epoch. */
  at: number;
  result: CommitmentResult;
}

const OWNER = 'commitment.answers';
/** Instances in a request. */
export const MAX_INSTANCES = 100_000;
/** Results that wait for their peer; more are not promised. */
const MAX_WAITING = 1000;
/** Looked up at a time. */
const CHUNK = 1000;
/** A peer that closes its association right after the request gets so long to do so: the result then has one of its own. */
const GRACE_MS = 1000;

export class CommitmentAnswers {
  readonly #options: CommitmentAnswersOptions;
  readonly #waiting = new Map<string, Answer>();
  readonly #turns = new TurnByKey();
  readonly #delivering = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  constructor(options: CommitmentAnswersOptions) {
    this.#options = options;
  }

  service(): Service {
    return commitmentScpService({ maxInstances: MAX_INSTANCES, accept: (asked) => this.#accept(asked) });
  }

  /** Results that are not delivered yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Goes on with what an earlier process left. */
  async start(): Promise<void> {
    for (const { key, value } of await this.#options.archive.states<Answer>(OWNER)) this.#deliver(key, value);
  }

  /** What is not delivered is kept for the next start. */
  async close(): Promise<void> {
    this.#stop.abort(new ScannerError('timeout.aborted', { what: 'commitment results' }));
    await Promise.all(this.#delivering);
  }

  #accept(asked: AskedCommitment): Promise<Reply> {
    const { callingAe, node } = asked.request.association.info;
    const key = `${node ?? callingAe} ${asked.transactionUid}`;
    return this.#turns.run(key, async () => {
      const { archive, clock } = this.#options;
      const before = this.#waiting.get(key);
      if (before) return repeated(before.result, asked.instances);
      if (this.#waiting.size >= MAX_WAITING) {
        return { status: STATUS.resourceLimitation, comment: `${MAX_WAITING} results wait for delivery` };
      }
      const result = await this.#judge(asked);
      const answer: Answer = { peer: callingAe, node, at: clock.wall.now(), result };
      await archive.saveState(OWNER, key, answer);
      this.#deliver(key, answer, asked);
      return { status: STATUS.success };
    });
  }

  /** What we hold of it: an object that is in the archive is durable there. */
  async #judge({ transactionUid, instances }: AskedCommitment): Promise<CommitmentResult> {
    const result: CommitmentResult = { transactionUid, committed: [], failed: [] };
    for (let start = 0; start < instances.length; start += CHUNK) {
      const chunk = instances.slice(start, start + CHUNK);
      const kept = await Promise.all(chunk.map((one) => this.#kept(one)));
      const found = await this.#options.archive.instances({
        sopInstanceUids: [...new Set(kept.map((one) => one.uid))],
      });
      const classes = new Map(found.map((one) => [one.sopInstanceUid, one.sopClassUid]));
      for (const [i, reference] of chunk.entries()) {
        const { uid, sopClassUid } = kept[i]!;
        const ours = classes.get(uid);
        if (ours === sopClassUid) result.committed.push(reference);
        else {
          const reason = ours === undefined ? STATUS.noSuchInstance : STATUS.classInstanceConflict;
          result.failed.push({ ...reference, reason: hexStatus(reason) });
        }
      }
    }
    return result;
  }

  /** Under which UID and class an instance is kept: others than it came with, where its class was retired. */
  async #kept({ sopInstanceUid: uid, sopClassUid }: InstanceRef): Promise<{ uid: string; sopClassUid: string }> {
    const importAs = storageClass(sopClassUid)?.importAs;
    if (!importAs) return { uid, sopClassUid };
    const converted = await keptUid(this.#options.archive, uid);
    return { uid: converted, sopClassUid: converted === uid ? sopClassUid : importAs };
  }

  #deliver(key: string, answer: Answer, asked?: AskedCommitment): void {
    this.#waiting.set(key, answer);
    const delivering = this.#run(key, answer, asked).catch((error) => this.#troubled(answer, error));
    this.#delivering.add(delivering);
    void delivering.then(() => this.#delivering.delete(delivering));
  }

  async #run(key: string, answer: Answer, asked: AskedCommitment | undefined): Promise<void> {
    try {
      if (!(asked && (await this.#onSame(asked, answer)))) await this.#onOwn(answer);
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      this.#troubled(answer, error);
    }
    await this.#turns.run(key, async () => {
      await this.#options.archive.removeState(OWNER, key);
      this.#waiting.delete(key);
    });
  }

  /** @returns false when the peer has closed the association of its request, or does not take the result there */
  async #onSame({ request }: AskedCommitment, { peer, node, result }: Answer): Promise<boolean> {
    const { clock, aeTitle, nodeFor, log } = this.#options;
    await request.replied; // the result never overtakes the answer to its request
    const grace = nodeFor({ callingAe: peer, node }) ? GRACE_MS : 0;
    const waited = sleep(clock.wall, grace, this.#stop.signal);
    await Promise.race([request.association.closed, waited.catch(() => undefined)]);
    if (request.association.over || this.#stop.signal.aborted) return false;
    try {
      await sendResult(request.channel, request.context, result, aeTitle);
      return true;
    } catch (thrown) {
      const error = asScannerError(thrown);
      if (error.code === 'peer.status') throw error;
      log.debug({ peer, error: error.message }, 'commitment result not taken on the association of its request');
      return false;
    }
  }

  /** Tries until the result is taken, refused, or expired. @throws ScannerError peer.*, operator.unknown */
  async #onOwn({ peer, node: name, at, result }: Answer): Promise<void> {
    const { clock, log, aeTitle, nodeFor, expiryMs, backoff = DEFAULT_BACKOFF } = this.#options;
    const { signal } = this.#stop;
    for (let waitMs = backoff.firstMs; ; waitMs = Math.min(2 * waitMs, backoff.lastMs)) {
      signal.throwIfAborted();
      const node = nodeFor({ callingAe: peer, node: name });
      if (!node)
        throw new ScannerError('operator.unknown', { what: 'node with the AE title', name: peer, known: 'others' });
      try {
        return await reportResult({ node, callingAe: aeTitle, clock, log, signal }, result);
      } catch (thrown) {
        const error = asScannerError(thrown);
        const expires = clock.wall.now() + waitMs > at + expiryMs;
        if (signal.aborted || expires || !mayRetry(error)) throw error;
        log.warn({ peer, error: error.message, waitMs }, 'commitment result could not be delivered yet');
        await sleep(clock.wall, waitMs, signal);
      }
    }
  }

  #troubled({ peer, result }: Answer, error: unknown): void {
    const context = { peer, transactionUid: result.transactionUid, error: asScannerError(error).message };
    this.#options.log.warn(context, 'commitment result not delivered');
  }
}

/** A request that comes again before its result is out is the same one, or a wrong one. */
function repeated({ committed, failed }: CommitmentResult, instances: readonly InstanceRef[]): Reply {
  const first = new Set([...committed, ...failed].map(({ sopInstanceUid }) => sopInstanceUid));
  const again = new Set(instances.map(({ sopInstanceUid }) => sopInstanceUid));
  const isSame = first.size === again.size && [...again].every((uid) => first.has(uid));
  if (isSame) return { status: STATUS.success };
  return { status: STATUS.invalidArgument, comment: 'the Transaction UID is in use for other instances' };
}
