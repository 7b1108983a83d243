import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { type BulkRef, type Dataset, dataset, items, text } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { readFileMeta, readHeader } from '../../runtime/dicom/dataset/header.js';
import { echo } from '../../runtime/dicom/services/echo-scu.js';
import { find } from '../../runtime/dicom/services/find-scu.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { type Hospital, startHospital } from '../../sim/hospital/hospital.js';
import { demoEntries } from '../../sim/hospital/worklist.js';
import { CSA_NON_IMAGE, clock, EXPLICIT, log, makeObject, scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { runTool, startStorescp, startWorklist } from '../helpers/peers.js';

enterPrivateNetwork();

const test = suite('DCMTK peers');
const folder = scratch();
let hospital: Hospital;

test.before(async () => {
  const worklist = demoEntries('20261123', 'PETRIG');
  hospital = await startHospital({ worklist, dataDir: join(folder, 'h'), risPort: 0, pacsPort: 0, clock, log });
});
test.after(() => hospital.close());

/** The dataset's bytes, without the meta header. */
async function datasetBytes(path: string): Promise<Buffer> {
  return readFileSync(path).subarray((await readFileMeta(path)).datasetOffset);
}

function address(node: { host: string; port: number }): string[] {
  return [node.host, String(node.port)];
}

test('storescp takes our objects byte for byte, the private class too', async () => {
  const peer = await startStorescp({ folder: join(folder, 'scp'), args: ['+B'] });
  assert.ok((await echo(scu(peer.node))).ms >= 0);
  const files = [
    await makeObject(folder, { bytes: 600_001 }),
    await makeObject(folder, { sopClassUid: CSA_NON_IMAGE, bytes: 100 }),
    await makeObject(folder, { transferSyntax: '1.2.840.10008.1.2', bytes: 5000 }),
  ];
  const results = await storeFiles(scu(peer.node), [...files.map(({ path }) => path), join(folder, 'none.dcm')]);
  assert.equal(results.map(({ outcome }) => outcome).sort(), ['stored', 'stored', 'stored', 'unreadable']);
  const stored = readdirSync(join(folder, 'scp'));
  for (const { path, sopInstanceUid } of files) {
    const name = stored.find((candidate) => candidate.includes(sopInstanceUid))!;
    assert.ok((await datasetBytes(path)).equals(await datasetBytes(join(folder, 'scp', name))), sopInstanceUid);
  }
  await peer.stop();
});

test('a storescp that takes only implicit VR gets explicit objects turned into it, values unchanged', async () => {
  const implicit = join(folder, 'implicit');
  const port = await startStorescp({ folder: implicit, args: ['+xi'] });
  const file = await makeObject(folder, { bytes: 200_000 });
  const [result] = await storeFiles(scu(port.node), [file.path]);
  assert.is(result!.outcome, 'stored', result!.error?.message);
  const stored = await readHeader(join(implicit, readdirSync(implicit)[0]!));
  const sent = await readHeader(file.path);
  assert.is(stored.transferSyntax, '1.2.840.10008.1.2');
  const pixels = ({ path, bulk }: { path: string; bulk: BulkRef }) =>
    readFileSync(path).subarray(bulk.offset, bulk.offset + bulk.length!);
  const paths = { sent: file.path, stored: join(implicit, readdirSync(implicit)[0]!) };
  assert.ok(
    pixels({ path: paths.sent, bulk: sent.dataset['7FE00010']!.bulk! }).equals(
      pixels({ path: paths.stored, bulk: stored.dataset['7FE00010']!.bulk! }),
    ),
  );
  for (const header of [sent, stored]) delete header.dataset['7FE00010'];
  assert.ok(encodeDataset(sent.dataset, EXPLICIT).equals(encodeDataset(stored.dataset, EXPLICIT)));
  await port.stop();
});

for (const [fault, outcome, code] of [
  ['--refuse', 'thrown', 'peer.rejected'],
  ['--abort-after', 'unsent', 'peer.aborted'],
  ['--abort-during', 'unsent', 'peer.aborted'],
] as const) {
  test(`storescp ${fault}: nothing is taken for stored and nothing hangs`, async () => {
    const peer = await startStorescp({ folder: join(folder, 'faults'), args: [fault] });
    const files = [await makeObject(folder), await makeObject(folder), await makeObject(folder)];
    try {
      const results = await storeFiles(
        scu(peer.node),
        files.map(({ path }) => path),
      );
      assert.equal(
        results.map((result) => result.outcome),
        [outcome, outcome, outcome],
      );
      assert.is(results[0]!.error!.code, code);
    } catch (error) {
      assert.is(`${outcome} ${(error as ScannerError).code}`, `thrown ${code}`);
    }
    await peer.stop();
  });
}

test('a storescp that sleeps in mid-store is waited for', async () => {
  const peer = await startStorescp({ folder: join(folder, 'slow'), args: ['--sleep-during', '1'] });
  const file = await makeObject(folder, { bytes: 20_000 });
  const [result] = await storeFiles(scu(peer.node, { timeouts: { networkMs: 10_000 } }), [file.path]);
  assert.is(result!.outcome, 'stored');
  await peer.stop();
});

test('a node that does not listen, and a title that is not served, are told apart', async () => {
  try {
    await echo(scu({ aeTitle: 'X', host: '127.0.0.1', port: 9 }));
    assert.unreachable();
  } catch (error) {
    assert.is((error as ScannerError).code, 'peer.connect');
  }
  const refused = await runTool('echoscu', ['-v', '-aec', 'WRONG', ...address(hospital.pacs)]);
  assert.match(refused.output, /Called AE Title Not Recognized/);
});

test('echoscu, storescu and dcmsend are served', async () => {
  assert.is((await runTool('echoscu', ['-v', '-aec', 'PACS', ...address(hospital.pacs)])).code, 0);
  const files = [await makeObject(folder, { bytes: 400_000 }), await makeObject(folder, { bytes: 64 })];
  const sent = await runTool('storescu', ['-v', '-aec', 'PACS', '-xe', ...address(hospital.pacs), files[0]!.path]);
  assert.is(sent.code, 0, sent.output);
  const report = join(folder, 'report.txt');
  const more = await runTool('dcmsend', [
    '-v',
    '+crf',
    report,
    '-aec',
    'PACS',
    ...address(hospital.pacs),
    files[1]!.path,
  ]);
  assert.is(more.code, 0, more.output);
  assert.match(readFileSync(report, 'utf8'), /with status SUCCESS\s*: 1/);
  for (const { path, sopInstanceUid } of files) {
    const stored = hospital.instances.get(sopInstanceUid)!;
    assert.ok((await datasetBytes(path)).equals(await datasetBytes(stored.path)));
  }
});

test('storescu --abort leaves no half file and the server serves on', async () => {
  const file = await makeObject(folder, { bytes: 4_000_000 });
  await runTool('storescu', ['--abort', '-aec', 'PACS', ...address(hospital.pacs), file.path]);
  const { code } = await runTool('echoscu', ['-aec', 'PACS', ...address(hospital.pacs)]);
  assert.is(code, 0);
  const names = readdirSync(join(folder, 'h', 'pacs'));
  assert.ok(
    names.every((name) => name.endsWith('.dcm')),
    names.join(' '),
  );
});

test('findscu gets our worklist', async () => {
  const keys = ['-k', '0010,0010', '-k', '0040,0100[0].0008,0060=PT', '-k', '0040,0100[0].0040,0009'];
  const found = await runTool('findscu', ['-v', '-W', '-aec', 'RIS', ...keys, ...address(hospital.ris)]);
  assert.is(found.code, 0, found.output);
  assert.match(found.output, /Phantom\^Nema/);
  assert.match(found.output, /SPS1/);
  assert.match(found.output, /Received Final Find Response \(Success\)/);
  const cancelled = await runTool('findscu', [
    '-v',
    '-W',
    '--cancel',
    '1',
    '-aec',
    'RIS',
    ...keys,
    ...address(hospital.ris),
  ]);
  assert.is(cancelled.code, 0, cancelled.output);
});

async function query(
  peer: { node: { aeTitle: string; host: string; port: number } },
  limit?: number,
): Promise<Dataset[]> {
  const step = { ScheduledStationAETitle: 'PETRIG', Modality: 'PT', ScheduledProcedureStepID: null };
  const keys = dataset({ PatientName: null, AccessionNumber: null, ScheduledProcedureStepSequence: dataset(step) });
  const found: Dataset[] = [];
  const options = { ...scu(peer.node), sopClass: UIDS.modalityWorklist, query: keys, limit };
  for await (const match of find(options)) found.push(match);
  return found.sort((a, b) => text(a, 'AccessionNumber')!.localeCompare(text(b, 'AccessionNumber')!));
}

test('wlmscpfs answers our query, names in their characters, and a limit cancels', async () => {
  const entries = demoEntries('20261123', 'PETRIG').map((entry) => ({ SpecificCharacterSet: 'ISO_IR 100', ...entry }));
  const peer = await startWorklist({ folder: join(folder, 'wlm'), entries });
  const found = await query(peer);
  assert.equal(
    found.map((match) => text(match, 'PatientName')),
    ['Phantom^Nema', 'Größe^Zoë'],
  );
  assert.is(text(items(found[1]!, 'ScheduledProcedureStepSequence')[0]!, 'ScheduledProcedureStepID'), 'SPS2');
  assert.is((await query(peer, 1)).length, 1);
  await peer.stop();
});

test.run();
