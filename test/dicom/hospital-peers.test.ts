/** The simulated hospital as DCMTK's programs meet it: worklist files, queries and retrieval, TLS. */

import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Log } from '../../hal/base/log.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import { createMpps, setMpps } from '../../runtime/dicom/services/mpps-scu.js';
import { type Hospital, startHospital } from '../../sim/hospital/hospital.js';
import type { RuleInput } from '../../sim/hospital/script.js';
import { demoEntries } from '../../sim/hospital/worklist.js';
import { clock, log, type MadeFile, makeObject, scratch, scu } from '../helpers/dicom.js';
import { dcmtk, startTestHospital, withRules } from '../helpers/hospital.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { runTool, startStorescp } from '../helpers/peers.js';
import { stepEnded, stepInProgress } from '../helpers/steps.js';

enterPrivateNetwork();

const test = suite('hospital and DCMTK');
const folder = scratch();
const received = join(folder, 'received');
let hospital: Hospital;
let files: MadeFile[];
let destination: Awaited<ReturnType<typeof startStorescp>>;

test.before(async () => {
  destination = await startStorescp({ folder: received, aeTitle: 'DEST', args: ['+B'] });
  hospital = await startTestHospital(folder, { callbacks: [destination.node] });
  files = [await makeObject(folder), await makeObject(folder, { bytes: 200_000 })];
  const sent = await dcmtk(
    'storescu',
    hospital.pacs,
    [],
    files.map(({ path }) => path),
  );
  assert.is(sent.code, 0, sent.output);
});
test.after(async () => {
  await hospital.close();
  await destination.stop();
});

const datasetBytes = async (path: string) => readFileSync(path).subarray((await readFileMeta(path)).datasetOffset);

/** Writes a worklist entry with dump2dcm, as people do for wlmscpfs. */
async function writeWl(path: string, name: string, args: readonly string[] = []): Promise<void> {
  const dump = `${path}.dump`;
  const lines = [
    '(0008,0005) CS [ISO_IR 100]',
    '(0008,0050) SH [W1]',
    `(0010,0010) PN [${name}]`,
    '(0010,0020) LO [W-1]',
    '(0020,000d) UI [2.25.77]',
    '(0040,0100) SQ',
    '(fffe,e000) na',
    '(0008,0060) CS [PT]',
    '(0040,0001) AE [PETRIG]',
    '(0040,0002) DA [20261123]',
    '(0040,0003) TM [101500]',
    '(0040,0009) SH [SPS7]',
    '(fffe,e00d) na',
    '(fffe,e0dd) na',
  ];
  writeFileSync(dump, lines.join('\n'), 'latin1');
  const made = await runTool('dump2dcm', ['-q', ...args, dump, path]);
  assert.is(made.code, 0, made.output);
}

test('worklist files of wlmscpfs, whole and bare, are offered beside JSON; bad ones are named and left out', async () => {
  const entries = join(folder, 'entries');
  mkdirSync(join(entries, 'CTRIS'), { recursive: true });
  await writeWl(join(entries, 'a.wl'), 'Größe^Part10');
  await writeWl(join(entries, 'b.wl'), 'Größe^Bare', ['-F', '+te']);
  await writeWl(join(entries, 'c.wl'), 'Größe^Implicit', ['-F', '+ti']);
  await writeWl(join(entries, 'CTRIS', 'd.wl'), 'Own^Folder');
  writeFileSync(join(entries, 'e.json'), JSON.stringify(demoEntries('20261123', 'PETRIG')));
  writeFileSync(join(entries, 'bad.wl'), 'no dataset at all');
  writeFileSync(join(entries, 'bad.json'), '{ "PatientNmae": "X" }');
  const warnings: object[] = [];
  const listening: Log = { ...log, warn: (fields) => warnings.push(fields), child: () => listening };
  const dataDir = join(folder, 'wl');
  const ris = await startHospital({ worklist: entries, dataDir, risPort: 0, pacsPort: 0, clock, log: listening });
  const ask = (title: string, keys: string[]) =>
    dcmtk('findscu', { ...ris.ris, aeTitle: title }, ['-W', ...keys.flatMap((key) => ['-k', key])]);
  const names = ({ output }: { output: string }) => {
    const [, ...responses] = output.split('Find Response: ');
    return responses.map((response) => /\(0010,0010\) PN \[(.*?) *\]/.exec(response)?.[1] ?? '');
  };
  try {
    const all = await ask('RIS', ['0010,0010', '0040,0100[0].0008,0060=PT']);
    assert.is(names(all).length, 5, all.output);
    assert.ok(names(all).some((name) => name.endsWith('^Bare')));
    assert.ok(names(all).some((name) => name.endsWith('^Implicit')));
    assert.equal([...new Set(warnings.map((fields) => String((fields as { path: string }).path)))].sort(), [
      join(entries, 'bad.json'),
      join(entries, 'bad.wl'),
    ]);
    assert.is(names(await ask('CTRIS', ['0010,0010'])).length, 6);
    assert.equal(names(await ask('RIS', ['0010,0010=gr*bare'])).length, 1, 'names whatever their case');
    assert.equal(names(await ask('RIS', ['0010,0010', '0008,0050=w1'])).length, 0, 'other keys case by case');
    assert.equal(names(await ask('RIS', ['0010,0010', '0008,0050=W1'])).length, 3);
    assert.equal(names(await ask('RIS', ['0010,0010', '0040,0100[0].0040,0003=1000-1100'])).length, 3);
    assert.equal(names(await ask('RIS', ['0010,0010', '0020,000d=2.25.77'])).length, 3);
    copyFileSync(join(entries, 'a.wl'), join(entries, 'f.wl'));
    assert.equal(names(await ask('RIS', ['0010,0010', '0008,0050=W1'])).length, 4, 'read anew');
  } finally {
    await ris.close();
  }
});

test('a step changes its status in the worklist with its MPPS, leaves it when asked to, and outlives the process', async () => {
  const dataDir = join(folder, 'restarts');
  const options = { worklist: demoEntries('20261123', 'PETRIG'), dataDir, risPort: 0, pacsPort: 0, clock, log };
  const study = '2.25.200201520381912468311170000000000000001';
  const sopInstanceUid = makeUid();
  const status = async (ris: Hospital) => {
    const { output } = await dcmtk('findscu', ris.ris, ['-W', '-k', '0008,0050=A1', '-k', '0040,0100[0].0040,0020']);
    return /Find Response: 1[\s\S]*\(0040,0020\) CS \[(\w*) *\]/.exec(output)?.[1];
  };
  const first = await startHospital(options);
  assert.is(await status(first), 'SCHEDULED');
  await createMpps({ ...scu(first.ris), sopInstanceUid, attributes: stepInProgress(study) });
  assert.is(await status(first), 'STARTED');
  await first.close();
  const second = await startHospital(options);
  assert.is(await status(second), 'STARTED');
  assert.is(second.mpps.get(sopInstanceUid)!.updates, 0);
  await setMpps({ ...scu(second.ris), sopInstanceUid, attributes: stepEnded() });
  assert.is(await status(second), 'COMPLETED');
  await second.close();
  const third = await startHospital({ ...options, listing: { hideEnded: true } });
  assert.is(await status(third), undefined);
  assert.is(third.mpps.get(sopInstanceUid)!.updates, 1);
  const dump = await runTool('dcmdump', [join(dataDir, 'mpps', `${sopInstanceUid}.dcm`)]);
  assert.match(dump.output, /PerformedProcedureStepStatus|COMPLETED/);
  await third.close();
});

test('findscu asks at each level', async () => {
  const ask = async (args: string[]) => (await dcmtk('findscu', hospital.pacs, args)).output;
  const patients = await ask(['-P', '-k', '0008,0052=PATIENT', '-k', '0010,0020=P1', '-k', '0020,1204']);
  assert.match(patients, /Find Response: 1 \(Pending\)[\s\S]*\(0020,1204\) IS \[2 *\]/);
  const studies = await ask(['-S', '-k', '0008,0052=STUDY', '-k', '0020,000d', '-k', '0008,0061']);
  assert.match(studies, /Find Response: 1 \(Pending\)[\s\S]*\(0008,0061\) CS \[CT\]/);
  assert.not.match(studies, /Find Response: 2/);
  const series = await ask(['-S', '-k', '0008,0052=SERIES', '-k', '0020,000d=2.25.1', '-k', '0020,000e']);
  assert.match(series, /\(0020,000e\) UI \[2\.25\.2\]/);
  const keys = ['-k', '0020,000d=2.25.1', '-k', '0020,000e=2.25.2', '-k', '0008,0018'];
  const images = await ask(['-S', '-k', '0008,0052=IMAGE', ...keys]);
  for (const { sopInstanceUid } of files) assert.match(images, new RegExp(sopInstanceUid));
  assert.match(await ask(['-S', '-k', '0008,0052=STUDY', '-k', '0010,0020=NOBODY']), /Final Find Response \(Success\)/);
});

test('getscu and movescu get what was stored, byte for byte; an unknown destination is refused', async () => {
  const keys = ['-S', '-k', '0008,0052=STUDY', '-k', '0020,000d=2.25.1'];
  const got = join(folder, 'got');
  mkdirSync(got);
  const fetched = await dcmtk('getscu', hospital.pacs, [...keys, '-td', '10', '-od', got, '+B']);
  assert.is(fetched.code, 0, fetched.output);
  const moved = await dcmtk('movescu', hospital.pacs, [...keys, '-td', '10', '-aem', 'DEST']);
  assert.is(moved.code, 0, moved.output);
  for (const place of [got, received]) {
    const names = readdirSync(place);
    for (const { path, sopInstanceUid } of files) {
      const name = names.find((candidate) => candidate.includes(sopInstanceUid));
      assert.ok(name, `${sopInstanceUid} in ${names.join()}`);
      assert.ok((await datasetBytes(path)).equals(await datasetBytes(join(place, name))), place);
    }
  }
  const lost = await dcmtk('movescu', hospital.pacs, [...keys, '-aem', 'NOWHERE']);
  assert.match(lost.output, /A801|Refused: MoveDestinationUnknown/);
});

test('queries and retrievals meet their rules', async () => {
  const study = ['-S', '-k', '0008,0052=STUDY', '-k', '0020,000d=2.25.1'];
  const status: RuleInput = { service: 'query', do: { action: 'status', status: 'A700' } };
  const refused = await withRules(hospital, [status], () => dcmtk('findscu', hospital.pacs, study));
  assert.match(refused.output, /Refused: OutOfResources/);
  const cut: RuleInput = { service: 'retrieve', when: { command: 'C-MOVE' }, do: { action: 'abort' } };
  const move = ['-td', '10', ...study, '-aem', 'DEST'];
  const aborted = await withRules(hospital, [cut], () => dcmtk('movescu', hospital.pacs, move));
  assert.match(aborted.output, /Peer aborted Association/);
  const late: RuleInput = { service: 'retrieve', do: { action: 'delay', ms: 400 } };
  const waited = await withRules(hospital, [late], () => dcmtk('movescu', hospital.pacs, move));
  assert.is(waited.code, 0, waited.output);
  assert.ok(waited.ms >= 400);
  const failed: RuleInput = { service: 'retrieve', do: { action: 'status', status: 'A702' } };
  const got = ['-td', '10', ...study, '-od', folder];
  assert.match(
    (await withRules(hospital, [failed], () => dcmtk('getscu', hospital.pacs, got))).output,
    /SubOperations|A702/i,
  );
});

test('with certificates it speaks TLS, and nothing else', async () => {
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  const subject = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=hospital', '-days', '2'];
  const made = await runTool('openssl', ['req', ...subject, '-keyout', key, '-out', certificate]);
  assert.is(made.code, 0, made.output);
  const tls = { certificate, key, ca: [certificate], clientCertificates: 'required' } as const;
  const secure = await startTestHospital(join(folder, 'tls'), { tls });
  const shown = await dcmtk('echoscu', secure.pacs, ['+tls', key, certificate, '+cf', certificate]);
  assert.is(shown.code, 0, shown.output);
  assert.is((await dcmtk('echoscu', secure.ris, ['+tls', key, certificate, '+cf', certificate])).code, 0);
  assert.is.not((await dcmtk('echoscu', secure.pacs, ['+tla', '-ic'])).code, 0, 'nobody without a certificate');
  assert.is.not((await dcmtk('echoscu', secure.pacs)).code, 0);
  await secure.close();
});

test.run();
