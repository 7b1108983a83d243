import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { ScannerError } from '../../hal/base/errors.js';
import { silentLog } from '../../hal/base/log.js';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import { bulkOf } from '../../runtime/dicom/dataset/bulk.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import type { CommitmentResult } from '../../runtime/dicom/services/commitment-scu.js';
import type { StoreResult } from '../../runtime/dicom/services/store-scu.js';
import type { CommitmentService } from '../../runtime/network/commitment-desk.js';
import type { SendEvent } from '../../runtime/network/send-event.js';
import { SendWorker, type SendWorkerOptions, type StoreService } from '../../runtime/network/send-worker.js';
import { csaInstances } from '../../runtime/objects/csa.js';
import { petInstances } from '../../runtime/objects/pet.js';
import type { SeriesObjects } from '../../runtime/objects/series.js';
import { acquisitionOf, PET, START, specimenContext, volumeOf } from '../helpers/specimens.js';

const context = specimenContext();

const petSeries = (): SeriesObjects =>
  petInstances(context, {
    range: PET,
    recon: PET.recons[0]!,
    acquisition: acquisitionOf(PET, START),
    frames: [{ volume: volumeOf([8, 8, 6], [4, 4, 2], 'BQML', () => 1), frame: 0 }],
    rangeNumber: 1,
    seriesNumber: 1,
    description: 'PET',
  });

const rawSeries = (): SeriesObjects =>
  csaInstances(context, { seriesNumber: 601, description: 'raw' }, [
    { kind: 'listmode', header: 'x:=1', data: bulkOf(Buffer.alloc(1000)), startedAt: START, acquisitionNumber: 1 },
  ]);

/** A destination that counts what it took, and fails as told. */
class Node {
  readonly taken: string[] = [];
  associations = 0;
  /** Called for each object; returns a status other than 0000, or throws when the connection breaks. */
  answer: (uid: string) => string | undefined = () => undefined;

  readonly store: StoreService = async (paths, onResult) => {
    this.associations++;
    const results: StoreResult[] = [];
    let stopped: ScannerError | undefined;
    for (const path of paths) {
      const meta = await readFileMeta(path);
      const result = stopped ? { outcome: 'unsent' as const, error: stopped } : this.#take(meta.sopInstanceUid);
      stopped ??= result.outcome === 'stored' ? undefined : result.error;
      const full: StoreResult = { path, sopInstanceUid: meta.sopInstanceUid, ...result };
      results.push(full);
      onResult(full);
    }
    return results;
  };

  #take(uid: string): Pick<StoreResult, 'outcome' | 'status' | 'error'> {
    try {
      const status = this.answer(uid);
      if (status) {
        const error = new ScannerError('peer.status', { node: 'PACS', command: 'C-STORE', status, comment: '' });
        return { outcome: 'refused', status, error };
      }
    } catch (error) {
      return { outcome: 'unsent', error: error as ScannerError };
    }
    this.taken.push(uid);
    return { outcome: 'stored', status: '0000' };
  }
}

const gone = () => new ScannerError('peer.aborted', { node: 'PACS', reason: 'gone' });

/** Commitment that is answered by what the node has. */
const committing = (node: Node): CommitmentService => ({
  request: async ({ instances, transactionUid }): Promise<CommitmentResult> => ({
    transactionUid,
    committed: instances.filter((ref) => node.taken.includes(ref.sopInstanceUid)),
    failed: instances
      .filter((ref) => !node.taken.includes(ref.sopInstanceUid))
      .map((ref) => ({ ...ref, reason: '0112' })),
  }),
});

interface Desk {
  worker: SendWorker;
  archive: SqliteArchive;
  events: SendEvent[];
  finish(series: SeriesObjects): Promise<void>;
}

type Open = (node: Node, options?: Partial<SendWorkerOptions>) => Promise<Desk>;

async function withArchive(use: (open: Open) => Promise<void>): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), 'petrig-send-'));
  let last: Desk | undefined;
  const close = async () => {
    await last?.worker.stop();
    await last?.archive.close();
  };
  try {
    await use(async (node, options = {}) => {
      await close();
      const clock = new ScaledClock();
      const archive = await SqliteArchive.open({ root, clock, log: silentLog });
      const events: SendEvent[] = [];
      const base = {
        archive,
        clock,
        log: silentLog,
        node: 'PACS',
        store: node.store,
        backoff: { firstMs: 2, lastMs: 8 },
      };
      const worker = new SendWorker({ ...base, ...options });
      worker.events$.subscribe((event) => events.push(event));
      const finish = async ({ objects, summary }: SeriesObjects) => {
        await archive.store(objects, [{ type: 'series.complete', examId: 'e1', series: summary }]);
      };
      last = { worker, archive, events, finish };
      return last;
    });
  } finally {
    await close();
    await rm(root, { recursive: true });
  }
}

const typesOf = (events: SendEvent[]) => events.map((event) => event.type).filter((type) => type !== 'send.instance');

test('a finished series goes out over one association and is committed', () =>
  withArchive(async (open) => {
    const node = new Node();
    const { worker, archive, events, finish } = await open(node, { commitment: committing(node) });
    worker.start();
    const series = petSeries();
    await finish(series);
    await worker.settled();
    assert.equal(
      node.taken,
      series.summary.instances.map((ref) => ref.sopInstanceUid),
    );
    assert.is(node.associations, 1);
    assert.equal(typesOf(events), ['send.started', 'send.done', 'commitment.requested', 'commitment.done']);
    const flags = await archive.deliveries({ node: 'PACS' });
    assert.equal(new Set(flags.map((flag) => `${flag.sent} ${flag.commitment}`)), new Set(['sent committed']));
    assert.equal(await archive.states('commitment:PACS'), []);
  }));

test('a connection that breaks again and again costs no acknowledged instance', () =>
  withArchive(async (open) => {
    const node = new Node();
    let calls = 0;
    node.answer = () => {
      if (++calls % 3 === 0) throw gone();
      return undefined;
    };
    const { worker, finish } = await open(node);
    worker.start();
    const series = petSeries();
    await finish(series);
    await worker.settled();
    assert.equal([...node.taken].sort(), series.summary.instances.map((ref) => ref.sopInstanceUid).sort());
    assert.ok(node.associations >= 3);
  }));

test('an unreachable node is tried with growing waits until it is there', () =>
  withArchive(async (open) => {
    const node = new Node();
    let refusals = 0;
    const store: StoreService = (paths, onResult) => {
      if (refusals++ < 5)
        return Promise.reject(
          new ScannerError('peer.connect', { node: 'PACS', host: 'h', port: 1, message: 'refused' }),
        );
      return node.store(paths, onResult);
    };
    const { worker, events, finish } = await open(node, { store });
    worker.start();
    await finish(petSeries());
    await worker.settled();
    const waits = events.flatMap((event) => (event.type === 'send.retrying' ? [event.waitMs] : []));
    assert.equal(waits, [2, 4, 8, 8, 8]);
    assert.is(node.taken.length, 6);
  }));

test('a refused instance is flagged and not tried again; the others go', () =>
  withArchive(async (open) => {
    const node = new Node();
    const series = petSeries();
    const bad = series.summary.instances[2]!.sopInstanceUid;
    let asked = 0;
    node.answer = (uid) => {
      if (uid !== bad) return undefined;
      asked++;
      return 'C000';
    };
    const { worker, archive, events, finish } = await open(node, { commitment: committing(node) });
    worker.start();
    await finish(series);
    await worker.settled();
    assert.equal([node.taken.length, asked], [5, 1]);
    const [flag] = await archive.deliveries({ node: 'PACS', sopInstanceUids: [bad] });
    assert.equal([flag?.sent, flag?.status, flag?.commitment], ['failed', 0xc000, 'none']);
    const done = events.find((event) => event.type === 'send.done');
    assert.equal(done?.type === 'send.done' && [done.sent, done.failed], [5, 1]);
  }));

test('a node out of resources is asked again later', () =>
  withArchive(async (open) => {
    const node = new Node();
    let full = 3;
    node.answer = () => (full-- > 0 ? 'A700' : undefined);
    const { worker, events, finish } = await open(node);
    worker.start();
    await finish(petSeries());
    await worker.settled();
    assert.is(node.taken.length, 6);
    assert.is(events.filter((event) => event.type === 'send.retrying').length, 3);
  }));

test('a process that dies in mid-send goes on where it was', () =>
  withArchive(async (open) => {
    const node = new Node();
    const series = petSeries();
    let died = () => {};
    const dead = new Promise<void>((resolve) => {
      died = resolve;
    });
    node.answer = () => {
      if (node.taken.length < 4) return undefined;
      died();
      throw gone();
    };
    const first = await open(node, { backoff: { firstMs: 60_000, lastMs: 60_000 } });
    first.worker.start();
    await first.finish(series);
    await dead;
    node.answer = () => undefined;
    const second = await open(node, { commitment: committing(node) });
    second.worker.start();
    await second.worker.settled();
    assert.equal(node.taken.slice().sort(), series.summary.instances.map((ref) => ref.sopInstanceUid).sort());
    assert.is(new Set(node.taken).size, 6);
    assert.is(
      (await second.archive.deliveries({ node: 'PACS' })).filter((flag) => flag.commitment === 'committed').length,
      6,
    );
  }));

test('a commitment that was awaited when the process ended is asked for again, not sent again', () =>
  withArchive(async (open) => {
    const node = new Node();
    let asked = () => {};
    const requested = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const silent: CommitmentService = {
      request: ({ signal }) => {
        asked();
        return new Promise((_, reject) => signal.addEventListener('abort', () => reject(gone())));
      },
    };
    const first = await open(node, { commitment: silent });
    first.worker.start();
    await first.finish(petSeries());
    await requested;
    assert.is(
      (await first.archive.deliveries({ node: 'PACS' })).filter((flag) => flag.commitment === 'pending').length,
      6,
    );
    const second = await open(node, { commitment: committing(node) });
    second.worker.start();
    await second.worker.settled();
    assert.is(node.taken.length, 6);
    assert.is(
      (await second.archive.deliveries({ node: 'PACS' })).filter((flag) => flag.commitment === 'committed').length,
      6,
    );
  }));

test('a commitment without result fails at its deadline; one with failures names them', () =>
  withArchive(async (open) => {
    const node = new Node();
    const late: CommitmentService = {
      request: async ({ deadlineMs }) => {
        assert.is(deadlineMs, 30);
        throw new ScannerError('peer.timeout', { node: 'PACS', what: 'storage commitment', ms: deadlineMs });
      },
    };
    const first = await open(node, { commitment: late, commitmentMs: 30 });
    first.worker.start();
    await first.finish(petSeries());
    await first.worker.settled();
    assert.is(
      (await first.archive.deliveries({ node: 'PACS' })).filter((flag) => flag.commitment === 'failed').length,
      6,
    );
    assert.is(typesOf(first.events).at(-1), 'commitment.failed');
    const series = petSeries();
    const lostUid = series.summary.instances[0]!.sopInstanceUid;
    const forgetful: CommitmentService = {
      request: async (request) => {
        node.taken.splice(node.taken.indexOf(lostUid), 1);
        return committing(node).request(request);
      },
    };
    const second = await open(node, { commitment: forgetful });
    second.worker.start();
    await second.finish(series);
    await second.worker.settled();
    const [flag] = await second.archive.deliveries({ sopInstanceUids: [lostUid] });
    assert.equal([flag?.commitment, flag?.reason], ['failed', 0x112]);
  }));

test('a failure that no waiting mends is told, and the next series goes', () =>
  withArchive(async (open) => {
    const node = new Node();
    let first = true;
    const store: StoreService = async (paths, onResult) => {
      if (!first) return node.store(paths, onResult);
      first = false;
      throw new ScannerError('data.missing', { what: 'a file' });
    };
    const { worker, events, finish } = await open(node, { store });
    worker.start();
    await finish(petSeries());
    await finish(petSeries());
    await worker.settled();
    assert.equal(typesOf(events), ['send.started', 'send.failed', 'send.started', 'send.done']);
    assert.is(node.taken.length, 6);
  }));

test('a node that wants images only gets no raw data; sending by hand repeats what it has', () =>
  withArchive(async (open) => {
    const node = new Node();
    const { worker, finish } = await open(node, { send: 'images' });
    worker.start();
    const series = petSeries();
    await finish(rawSeries());
    await finish(series);
    await worker.settled();
    assert.is(node.taken.length, 6);
    await worker.sendSeries(series.summary.seriesInstanceUid);
    assert.is(node.taken.length, 6);
    await worker.sendSeries(series.summary.seriesInstanceUid, true);
    assert.is(node.taken.length, 12);
  }));

test.run();
