import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Dataset, dataset, items, needText, remove, text } from '../../runtime/dicom/dataset/dataset.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { COMMAND_FIELD } from '../../runtime/dicom/dimse/command.js';
import { CommitmentScu } from '../../runtime/dicom/services/commitment-scu.js';
import { echo } from '../../runtime/dicom/services/echo-scu.js';
import { find } from '../../runtime/dicom/services/find-scu.js';
import { createMpps, setMpps } from '../../runtime/dicom/services/mpps-scu.js';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { needContext, withChannel } from '../../runtime/dicom/services/session.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { UIDS } from '../../runtime/dicom/uids.js';
import { type Hospital, startHospital } from '../../sim/hospital/hospital.js';
import { demoEntries } from '../../sim/hospital/worklist.js';
import { CSA_NON_IMAGE, clock, EXPLICIT, localNode, log, makeObject, scratch, scu } from '../helpers/dicom.js';
import { codeOf } from '../helpers/hospital.js';
import { stepEnded, stepInProgress } from '../helpers/steps.js';

const test = suite('hospital');
const folder = scratch();
let hospital: Hospital;
let modality: DicomServer;
const commitment = new CommitmentScu({ clock, log });

test.before(async () => {
  modality = new DicomServer({ port: 0, clock, log, services: [commitment.service()] });
  const port = await modality.listen();
  hospital = await startHospital({
    worklist: demoEntries('20261123', 'PETRIG'),
    dataDir: folder,
    risPort: 0,
    pacsPort: 0,
    callbacks: [localNode(port, 'PETRIG')],
    clock,
    log,
  });
});

test.after(async () => {
  await hospital.close();
  await modality.close();
});

async function collect(query: Dataset, limit?: number): Promise<Dataset[]> {
  const found: Dataset[] = [];
  for await (const match of find({ ...scu(hospital.ris), sopClass: UIDS.modalityWorklist, query, limit }))
    found.push(match);
  return found;
}

function broadQuery(step: Record<string, string | null> = {}): Dataset {
  return dataset({
    PatientName: null,
    AccessionNumber: null,
    StudyInstanceUID: null,
    RequestedProcedureCodeSequence: [],
    ScheduledProcedureStepSequence: dataset({
      ScheduledStationAETitle: 'PETRIG',
      ScheduledProcedureStepStartDate: '20261123',
      Modality: 'PT',
      ScheduledProcedureStepID: null,
      CommentsOnTheScheduledProcedureStep: null,
      ...step,
    }),
  });
}

test('both answer an echo, and only when called by name', async () => {
  assert.ok((await echo(scu(hospital.ris))).ms >= 0);
  await echo(scu(hospital.pacs));
  assert.is(await codeOf(echo(scu({ ...hospital.pacs, aeTitle: 'OTHER' }))), 'peer.rejected');
});

test('the worklist matches on keys and returns what was asked, in the right characters', async () => {
  const found = await collect(broadQuery());
  assert.is(found.length, 2);
  assert.is(text(found[0]!, 'PatientName'), 'Phantom^Nema');
  assert.is(text(found[1]!, 'PatientName'), 'Größe^Zoë');
  assert.is(text(found[1]!, 'SpecificCharacterSet'), 'ISO_IR 100');
  const step = items(found[0]!, 'ScheduledProcedureStepSequence')[0]!;
  assert.is(text(step, 'ScheduledProcedureStepID'), 'SPS1');
  assert.equal(step['00400400']!.Value, []);
  assert.is(items(found[0]!, 'RequestedProcedureCodeSequence').length, 1);
  assert.is(text(found[0]!, 'PatientID'), undefined);
});

test('dates match as ranges, names by wild card, and nothing else comes', async () => {
  assert.is((await collect(broadQuery({ ScheduledProcedureStepStartDate: '20261122-20261124' }))).length, 2);
  assert.is((await collect(broadQuery({ ScheduledProcedureStepStartDate: '-20261122' }))).length, 0);
  assert.is((await collect(broadQuery({ ScheduledProcedureStepStartTime: '0900-' }))).length, 1);
  assert.is((await collect(broadQuery({ Modality: 'MR' }))).length, 0);
  assert.is((await collect({ ...broadQuery(), ...dataset({ PatientName: 'phantom*' }) })).length, 1);
  assert.is((await collect({ ...broadQuery(), ...dataset({ AccessionNumber: 'A2' }) })).length, 1);
});

test('names match whole or in one representation, and a pattern of many stars costs nothing', async () => {
  hospital.worklist.add({ PatientName: 'Yamada^Tarou=山田^太郎=やまだ^たろう', AccessionNumber: 'A9' });
  const named = async (PatientName: string) => (await collect({ ...broadQuery(), ...dataset({ PatientName }) })).length;
  const any = async (PatientName: string) =>
    (await collect(dataset({ SpecificCharacterSet: 'ISO_IR 192', PatientName }))).length;
  assert.equal(
    [await any('yamada^tarou'), await any('山田*'), await any('*たろう'), await any('Yamada^?arou')],
    [1, 1, 1, 1],
  );
  assert.equal([await any('Yamada'), await any('Yamada^?'), await named('yamada*')], [0, 0, 0]);
  const started = performance.now();
  assert.is(await any(`${'*a'.repeat(25)}b`), 0);
  assert.ok(performance.now() - started < 2000);
});

test('a limit cancels the query', async () => {
  assert.is((await collect(broadQuery(), 1)).length, 1);
});

test('a performed procedure step goes its way, and every wrong turn gets its own status', async () => {
  const sopInstanceUid = makeUid();
  const create = (attributes: Dataset, uid = sopInstanceUid) =>
    createMpps({ ...scu(hospital.ris), sopInstanceUid: uid, attributes });
  const set = (attributes: Dataset, uid = sopInstanceUid) =>
    setMpps({ ...scu(hospital.ris), sopInstanceUid: uid, attributes });
  assert.is(await codeOf(create(remove(stepInProgress(), 'Modality'))), '0120');
  assert.is(await codeOf(create({ ...stepInProgress(), ...dataset({ PerformedStationAETitle: null }) })), '0121');
  assert.is(await codeOf(create({ ...stepInProgress(), ...stepEnded() })), '0106');
  assert.is((await create(stepInProgress())).status, '0000');
  assert.is(await codeOf(create(stepInProgress())), '0111');
  assert.is(await codeOf(set(stepEnded(), makeUid())), '0112');
  assert.is(await codeOf(set(dataset({ PatientName: 'X' }))), '0105');
  assert.is(await codeOf(set(remove(stepEnded(), 'PerformedProcedureStepEndTime'))), '0120');
  assert.is(hospital.mpps.get(sopInstanceUid)!.status, 'IN PROGRESS');
  await set(stepEnded());
  assert.is(hospital.mpps.get(sopInstanceUid)!.status, 'COMPLETED');
  assert.is(await codeOf(set(stepEnded())), '0110');
  const empty = { ...stepEnded(), ...dataset({ PerformedProcedureStepEndDate: null }) };
  const other = makeUid();
  await create(stepInProgress(), other);
  assert.is(await codeOf(set(empty, other)), '0121');
  assert.is(await codeOf(set(dataset({ PerformedProcedureStepStatus: 'PAUSED' }), other)), '0106');
  assert.is(text(hospital.mpps.get(sopInstanceUid)!.attributes, 'PerformedStationAETitle'), 'PETRIG');
});

test('a performed procedure step is told by N-GET, whole or by attributes', async () => {
  const sopInstanceUid = makeUid();
  await createMpps({ ...scu(hospital.ris), sopInstanceUid, attributes: stepInProgress() });
  const sopClass = '1.2.840.10008.3.1.2.3.4';
  const proposal = { abstractSyntax: sopClass, transferSyntaxes: [EXPLICIT] };
  await withChannel(scu(hospital.ris), [proposal], async (channel) => {
    const get = (uid: string, tags?: string[]) => {
      const command = {
        CommandField: COMMAND_FIELD['N-GET'],
        RequestedSOPClassUID: sopClass,
        RequestedSOPInstanceUID: uid,
        AttributeIdentifierList: tags,
      };
      return channel.request(needContext(channel, sopClass), command, undefined, 5000);
    };
    const whole = await get(sopInstanceUid);
    assert.equal([whole.status, text(whole.dataset!, 'PerformedProcedureStepID')], [0, 'PPS1']);
    const some = await get(sopInstanceUid, ['00400252', '00080060']);
    assert.equal([some.status, Object.keys(some.dataset!).sort()], [0, ['00080060', '00400252']]);
    assert.is((await get(sopInstanceUid, ['00400252', '00189999'])).status, 0x0107);
    assert.is((await get(makeUid())).status, 0x0112);
  });
});

test('objects arrive byte for byte, the private class too, and commitment tells which are safe', async () => {
  const files = [await makeObject(folder), await makeObject(folder, { sopClassUid: CSA_NON_IMAGE, bytes: 300_001 })];
  const results = await storeFiles(
    scu(hospital.pacs),
    files.map(({ path }) => path),
  );
  assert.equal(
    results.map(({ outcome }) => outcome),
    ['stored', 'stored'],
  );
  for (const { path, sopInstanceUid } of files) {
    const stored = hospital.instances.get(sopInstanceUid)!;
    const [sent, got] = [await readFileMeta(path), await readFileMeta(stored.path)];
    assert.ok(
      readFileSync(path).subarray(sent.datasetOffset).equals(readFileSync(stored.path).subarray(got.datasetOffset)),
    );
    assert.is(needText(got.meta, 'SourceApplicationEntityTitle'), 'PETRIG');
  }
  const unknown = { sopClassUid: CSA_NON_IMAGE, sopInstanceUid: makeUid() };
  const wrongClass = { sopClassUid: CSA_NON_IMAGE, sopInstanceUid: files[0]!.sopInstanceUid };
  const good = await commitment.request({ ...scu(hospital.pacs), instances: files });
  assert.equal(good.failed, []);
  assert.is(good.committed.length, 2);
  const mixed = await commitment.request({ ...scu(hospital.pacs), instances: [files[0]!, unknown, wrongClass] });
  assert.is(mixed.committed.length, 1);
  assert.equal(
    mixed.failed.map(({ reason }) => reason),
    ['0112', '0119'],
  );
});

test('a modality without an address gets its commitment on the association it opened', async () => {
  const file = await makeObject(folder);
  await storeFiles(scu(hospital.pacs), [file.path]);
  const result = await commitment.request({
    ...scu(hospital.pacs, { callingAe: 'NOBODY' }),
    instances: [file],
    keepOpenMs: 10_000,
  });
  assert.is(result.committed.length, 1);
});

test('a hospital that starts again knows its objects, and a worklist file is offered once it is there', async () => {
  const entries = join(folder, 'entries');
  mkdirSync(entries);
  const options = { worklist: entries, dataDir: folder, risPort: 0, pacsPort: 0, clock, log };
  const again = await startHospital(options);
  assert.equal([...again.instances.keys()].sort(), [...hospital.instances.keys()].sort());
  const query = dataset({ PatientName: null });
  const names = async () => {
    const found: string[] = [];
    for await (const match of find({ ...scu(again.ris), sopClass: UIDS.modalityWorklist, query })) {
      found.push(text(match, 'PatientName')!);
    }
    return found;
  };
  assert.equal(await names(), []);
  writeFileSync(join(entries, 'a.json'), JSON.stringify({ PatientName: '山田^太郎' }));
  assert.equal(await names(), ['山田^太郎']);
  writeFileSync(join(entries, 'b.json'), '{');
  assert.equal(await names(), ['山田^太郎'], 'a file that is no entry is left out');
  await again.close();
  assert.is(await codeOf(startHospital({ ...options, worklist: join(folder, 'nowhere') })), 'data.invalid');
});

test.run();
