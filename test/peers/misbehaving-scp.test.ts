/** Every SCU of ours against peers that misbehave in each way: the right error, soon, and nothing left of it. */

import { readdirSync, readlinkSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { dataset } from '../../runtime/dicom/dataset/dataset.js';
import { reportResult } from '../../runtime/dicom/services/commitment-scp.js';
import { CommitmentScu } from '../../runtime/dicom/services/commitment-scu.js';
import { echo } from '../../runtime/dicom/services/echo-scu.js';
import { find } from '../../runtime/dicom/services/find-scu.js';
import { createMpps, setMpps } from '../../runtime/dicom/services/mpps-scu.js';
import { PrintSession } from '../../runtime/dicom/services/print-scu.js';
import type { ScuOptions } from '../../runtime/dicom/services/session.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { importFrom } from '../../runtime/network/import.js';
import { search } from '../../runtime/network/search.js';
import { broadQuery } from '../../runtime/worklist/query.js';
import { CT_IMAGE, clock, localNode, log, makeObject, scratch, scu } from '../helpers/dicom.js';
import { MISBEHAVIOURS, type Misbehaviour, PATIENCE_MS, serveWith, TRANSACTION } from '../helpers/misbehaving-scp.js';
import { until } from '../helpers/observe.js';
import { rawServer } from '../helpers/raw-peer.js';

const test = suite('our SCUs against peers that misbehave');
/** On a machine that others load as well. */
const SOON_MS = PATIENCE_MS + 6000;
const WAITS = [
  'associate',
  'response',
  'store',
  'action',
  'query',
  'worklist',
  'printSet',
  'print',
  'release',
  'closing',
];
const timeouts = Object.fromEntries([...WAITS, 'network', 'commit'].map((name) => [`${name}Ms`, PATIENCE_MS]));

const unhandled: unknown[] = [];
process.on('unhandledRejection', (reason) => unhandled.push(reason));

const folder = scratch();
let small: string[];
let large: string[];
test.before(async () => {
  small = [(await makeObject(folder)).path, (await makeObject(folder)).path];
  large = [(await makeObject(folder, { bytes: 700_000 })).path, (await makeObject(folder, { bytes: 700_000 })).path];
});

/** What was not stored ends as its first result says; what follows it must not be sent. */
async function storing(options: ScuOptions, paths: readonly string[]): Promise<void> {
  const results = await storeFiles(options, paths);
  assert.is(results.length, paths.length);
  const failed = results.findIndex(({ outcome }) => outcome !== 'stored');
  if (failed < 0) return;
  const { outcome, error } = results[failed]!;
  assert.ok(error, outcome);
  const others = outcome === 'no-context' ? 'no-context' : 'unsent';
  assert.ok(results.slice(failed + 1).every((result) => result.outcome === others));
  throw error;
}

const mpps = { sopInstanceUid: '2.25.97', attributes: dataset({ PerformedProcedureStepStatus: 'IN PROGRESS' }) };
const SCUS: Record<string, (options: ScuOptions) => Promise<unknown>> = {
  verification: echo,
  'storage of small objects': (options) => storing(options, small),
  'storage of large objects': (options) => storing(options, large),
  'storage commitment': (options) =>
    new CommitmentScu({ clock, log }).request({
      ...options,
      instances: [{ sopClassUid: CT_IMAGE, sopInstanceUid: '2.25.1' }],
      transactionUid: TRANSACTION,
      keepOpenMs: PATIENCE_MS,
    }),
  'result of storage commitment': (options) =>
    reportResult(options, { transactionUid: TRANSACTION, committed: [], failed: [] }),
  search: (options) => search({ ...options, models: ['study'], inputs: { patientId: 'P' } }),
  import: async (options) => {
    const archive = { instances: async () => [] };
    const { outcome, status } = await importFrom(
      { ...options, models: ['study'], archive },
      { studyInstanceUid: '1.2' },
    );
    // a failure status of C-MOVE is a result
    if (outcome === 'failure') throw Object.assign(new Error(status), { code: 'peer.status' });
  },
  worklist: async (options) => {
    for await (const _ of find({ ...options, sopClass: UIDS.modalityWorklist, query: broadQuery() })) {
      // none comes
    }
  },
  'MPPS N-CREATE': (options) => createMpps({ ...options, ...mpps }),
  'MPPS N-SET': (options) => setMpps({ ...options, ...mpps }),
  print: async (options) => {
    const session = await PrintSession.open(options);
    try {
      await session.createFilmSession();
    } finally {
      await session.close();
    }
  },
};

interface End {
  code: string;
  ms: number;
}

async function endOf(run: (options: ScuOptions) => Promise<unknown>, wrong?: Misbehaviour): Promise<End> {
  const server = await rawServer((peer) => serveWith(peer, wrong));
  const started = performance.now();
  const ended = (code: string) => ({ code, ms: performance.now() - started });
  try {
    await run(scu(localNode(server.port), { timeouts }));
    return ended('none');
  } catch (error) {
    return ended((error as ScannerError).code ?? String(error));
  } finally {
    server.close();
  }
}

function openSockets(): number {
  const isSocket = (fd: string) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  };
  return readdirSync('/proc/self/fd').filter(isSocket).length;
}

const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
const names = Object.keys(SCUS);

test('a peer that does nothing wrong is answered for all of them', async () => {
  for (const name of names) assert.is((await endOf(SCUS[name]!)).code, 'none', name);
});

for (const wrong of MISBEHAVIOURS) {
  test(`a peer that ${wrong.name}: ${wrong.ends}`, async () => {
    const [sockets, waiting] = [openSockets(), timers()];
    const ends = await Promise.all(names.map((name) => endOf(SCUS[name]!, wrong)));
    const codes = Object.fromEntries(names.map((name, i) => [name, ends[i]!.code]));
    assert.equal(codes, Object.fromEntries(names.map((name) => [name, wrong.ends])));
    for (const [i, { ms }] of ends.entries()) assert.ok(ms < SOON_MS, `${names[i]} took ${ms} ms`);
    await until(() => openSockets() <= sockets, 5000, 'the end of every connection');
    await until(() => timers() <= waiting + 1, 5000, 'the end of every timer'); // one is that of `until`
    assert.equal(unhandled, []);
  });
}

test('afterwards a good peer is served as before', async () => {
  for (const name of names) assert.is((await endOf(SCUS[name]!)).code, 'none', name);
});

test.run();
