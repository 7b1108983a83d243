/** The worklist SCU against worklists that misbehave. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Dataset, dataset } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import type { DimseRequest, Reply } from '../../runtime/dicom/dimse/performer.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { askWorklist, type WorklistAnswer } from '../../runtime/worklist/client.js';
import { broadQuery } from '../../runtime/worklist/query.js';
import { type Hospital, startHospital } from '../../sim/hospital/hospital.js';
import { parseScript } from '../../sim/hospital/script.js';
import { demoEntries } from '../../sim/hospital/worklist.js';
import { clock, localNode, log, scratch, scu } from '../helpers/dicom.js';
import { associateAc, commandPdu, pdv, type RawPeer, rawServer } from '../helpers/raw-peer.js';
import { worklistAnswer } from '../helpers/specimens.js';

const test = suite('worklists that misbehave');
const IMPLICIT = '1.2.840.10008.1.2';
let hospital: Hospital;

test.before(async () => {
  hospital = await startHospital({
    worklist: demoEntries('20261123', 'PETRIG'),
    dataDir: scratch(),
    risPort: 0,
    pacsPort: 0,
    clock,
    log,
  });
});
test.after(() => hospital.close());
test.after.each(() => hospital.rules.clear());

type Options = { limit?: number; waitSeconds?: number };

function ask(node = hospital.ris, { limit = 200, waitSeconds = 5 }: Options = {}): Promise<WorklistAnswer> {
  return askWorklist(broadQuery(), { ...scu(node), limit, waitSeconds });
}

/** A worklist SCP that answers what a test wants. */
async function withScp(
  answers: (request: DimseRequest) => AsyncGenerator<Reply>,
  use: (node: Hospital['ris']) => Promise<void>,
) {
  const operations = { 'C-FIND': answers };
  const services = [{ syntaxes: { [UIDS.modalityWorklist]: [IMPLICIT] }, operations }];
  const server = new DicomServer({ port: 0, clock, log, services });
  try {
    await use(localNode(await server.listen()));
  } finally {
    await server.close();
  }
}

function match(id: number): Dataset {
  const answer = worklistAnswer('Patient^Any', 'ISO_IR 100');
  const step = answer['00400100']!.Value[0] as Dataset;
  step['00400009'] = { vr: 'SH', Value: [`SPS${id}`] };
  return answer;
}

/** From now on the RIS does this to each worklist query, or to its association. */
function rule(action: object, command: object = { command: 'C-FIND' }): void {
  const [parsed] = parseScript({ rules: [{ service: 'worklist', when: command, do: action }] }).rules;
  hospital.rules.add(parsed!);
}

test('silence is waited for as long as configured, and the reason is said', async () => {
  rule({ action: 'silence', at: 'answer' });
  const began = performance.now();
  const answer = await ask(hospital.ris, { waitSeconds: 0.3 });
  assert.is(answer.error?.code, 'peer.timeout');
  assert.ok(performance.now() - began < 5000);
});

for (const [status, meaning] of [
  ['A700', /out of resources/],
  ['A900', /does not match the SOP class/],
  ['C123', /unable to process/],
] as const) {
  test(`status ${status} after a match: the match is kept, the refusal explained`, async () => {
    rule({ action: 'status', status, afterPending: 1 });
    const answer = await ask();
    assert.equal([answer.items.length, answer.complete, answer.error?.code], [1, false, 'peer.status']);
    assert.match(answer.error!.message, meaning);
    assert.match(answer.error!.message, new RegExp(status));
  });
}

test('FE00 that nobody asked for is no complete answer', async () => {
  rule({ action: 'status', status: 'FE00', afterPending: 1 });
  const answer = await ask();
  assert.equal([answer.items.length, answer.complete, answer.error], [1, false, undefined]);
  assert.match(answer.notes.join(), /ended by the node/);
});

test('an abort and a closed connection amid the answers leave what came', async () => {
  for (const action of ['abort', 'close', 'garbage'] as const) {
    hospital.rules.clear();
    rule({ action, at: 'answer', afterPending: 1 });
    const answer = await ask();
    assert.equal([answer.items.length, answer.complete], [1, false], action);
    assert.ok(answer.error, action);
  }
});

test('a rejected association and a refused context are errors of the answer', async () => {
  rule({ action: 'reject', reason: 'local-limit' }, {});
  assert.is((await ask()).error?.code, 'peer.rejected');
  hospital.rules.clear();
  rule({ action: 'refuse-context', result: 'abstract-syntax' }, {});
  assert.is((await ask()).error?.code, 'peer.context');
});

test('thousands of answers: 200 are taken, the rest is cancelled', async () => {
  let sent = 0;
  await withScp(
    async function* ({ signal }) {
      for (; sent < 5000; sent++) {
        if (signal.aborted) return yield { status: 0xfe00 };
        if (sent % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        yield { status: 0xff00, dataset: match(sent) };
      }
      yield { status: 0 };
    },
    async (node) => {
      const answer = await ask(node);
      assert.equal([answer.items.length, answer.complete, answer.error], [200, false, undefined]);
      assert.match(answer.notes.join(), /more than 200/);
    },
  );
  assert.ok(sent >= 200 && sent < 5000, `the node heard of it after ${sent}`);
});

test('a node that answers on after the cancel is left once the waiting time is over', async () => {
  rule({ action: 'pending', everyMs: 1, ignoreCancel: true });
  const began = performance.now();
  const answer = await ask(hospital.ris, { limit: 1, waitSeconds: 0.5 });
  assert.equal([answer.items.length <= 1, answer.complete], [true, false]);
  assert.ok(performance.now() - began < 8000);
});

test('answers that are no entries are counted and told, the others are taken', async () => {
  const { '0020000D': _study, ...without } = match(2);
  const huge = { ...match(3), '00102000': { vr: 'LO', Value: Array.from({ length: 20_000 }, () => 'x'.repeat(60)) } };
  const wrong = { ...match(4), '0020000D': { vr: 'UI', Value: ['not a uid'] } };
  await withScp(
    async function* () {
      for (const ds of [match(1), without, huge, wrong]) yield { status: 0xff00, dataset: ds };
      yield { status: 0 };
    },
    async (node) => {
      const answer = await ask(node);
      assert.equal([answer.items.map(({ stepId }) => stepId), answer.complete], [['SPS1'], false]);
      assert.match(answer.notes.join(), /3 answers could not be used: .*StudyInstanceUID is missing/);
    },
  );
});

test('FF01 is a match like any other, with the remark that keys are not supported', async () => {
  await withScp(
    async function* () {
      yield { status: 0xff01, dataset: match(1) };
      yield { status: 0 };
    },
    async (node) => {
      const answer = await ask(node);
      assert.equal([answer.items.length, answer.complete, answer.unsupportedKeys], [1, true, true]);
    },
  );
});

/** Answers a C-FIND with these datasets' bytes, byte for byte, and success. */
async function withBytes(answers: readonly Buffer[], use: (node: Hospital['ris']) => Promise<void>): Promise<void> {
  const serve = async (peer: RawPeer) => {
    await peer.next();
    peer.send(associateAc());
    await peer.next();
    await peer.next();
    const response = (Status: number) => ({
      CommandField: 0x8020,
      AffectedSOPClassUID: UIDS.modalityWorklist,
      MessageIDBeingRespondedTo: 1,
      Status,
    });
    for (const bytes of answers) {
      peer.send(commandPdu(1, response(0xff00), true), pdv(1, bytes, { command: false }));
    }
    peer.send(commandPdu(1, response(0)));
    await peer.next();
    peer.send({ type: 'release-rp' });
  };
  const server = await rawServer(serve);
  try {
    await use(localNode(server.port));
  } finally {
    server.close();
  }
}

test('a dataset of garbage spoils one answer, not the query', async () => {
  const good = encodeDataset(match(1), IMPLICIT);
  const garbage = Buffer.from(Array.from({ length: 200 }, (_, i) => (i * 37 + 11) & 0xff));
  await withBytes([garbage, good, good.subarray(0, 101)], async (node) => {
    const answer = await ask(node);
    assert.is(answer.error, undefined, answer.error?.message);
    assert.equal([answer.items.map(({ stepId }) => stepId), answer.complete], [['SPS1'], false]);
    assert.match(answer.notes.join(), /2 answers could not be used/);
  });
});

test('text in another character set than declared is read as far as it can be', async () => {
  const patient = dataset({ PatientName: 'Müller^Jörg' });
  const latin = encodeDataset({ ...match(1), ...patient, '00080005': { vr: 'CS', Value: ['ISO_IR 100'] } }, IMPLICIT);
  const declared = Buffer.from(latin);
  // the bytes are Latin-1, the set says UTF-8
  const at = declared.indexOf('ISO_IR 100', 0, 'latin1');
  declared.write('ISO_IR 192', at, 'latin1');
  await withBytes([declared], async (node) => {
    const answer = await ask(node);
    assert.equal([answer.items.length, answer.complete], [1, true]);
    assert.is(answer.items[0]!.patientName, 'Müller^Jörg', 'Latin-1 is what such systems mean');
  });
});

test.run();
