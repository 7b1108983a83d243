/** Our storage SCP fed by programs of other makers: storescu, dcmsend, Orthanc. */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { items, setElement, text } from '../../runtime/dicom/dataset/dataset.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { convertedUid } from '../../runtime/network/receiving/changes.js';
import { makeObject, scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { runTool, startOrthanc, startStorescp } from '../helpers/peers.js';
import { datasetBytes, makeImage, type PixelShape } from '../helpers/pixels.js';
import { type Receiver, startReceiver } from '../helpers/receiver.js';

enterPrivateNetwork();

const test = suite('storage SCP and its peers');
const folder = scratch();
const MULTI_FRAME: PixelShape = { bits: 16, stored: 12, frames: 3 };

function to(receiver: Receiver): string[] {
  return ['-aec', 'RIG', receiver.node.host, String(receiver.node.port)];
}

test('storescu: uncompressed objects arrive as they are in each of the three syntaxes', async () => {
  for (const [option, syntax] of [
    ['-xe', '1.2.840.10008.1.2.1'],
    ['-xb', '1.2.840.10008.1.2.2'],
    ['-xi', '1.2.840.10008.1.2'],
  ] as const) {
    const receiver = await startReceiver();
    const made = await makeImage(folder, MULTI_FRAME);
    const run = await runTool('storescu', ['-v', option, ...to(receiver), made.path]);
    assert.is(run.code, 0, run.output);
    const header = await readHeader(receiver.kept.get(made.sopInstanceUid)!);
    // a context with all three gets explicit little endian: the first that 3.2.3.1.5 names
    assert.is(header.transferSyntax, option === '-xi' ? syntax : '1.2.840.10008.1.2.1');
    await receiver.close();
  }
});

test('storescu: big endian in a context of its own is kept in big endian', async () => {
  const receiver = await startReceiver();
  const made = await makeImage(folder, MULTI_FRAME);
  const big = `${made.path}.big`;
  assert.is((await runTool('dcmconv', ['+tb', made.path, big])).code, 0);
  const profile = profileOf(['BigEndianExplicit']);
  const run = await runTool('storescu', ['-v', '-xf', profile, 'Test', ...to(receiver), big]);
  assert.is(run.code, 0, run.output);
  assert.ok((await receiver.dataset(made.sopInstanceUid)).equals(await datasetBytes(big)));
  await receiver.close();
});

/** A profile of storescu that proposes one context with these syntaxes. */
function profileOf(names: readonly string[]): string {
  const path = join(folder, `profile${names.length}${names[0]!.replace(/\W/g, '')}.cfg`);
  const lines = names.map((name, i) => `TransferSyntax${i + 1} = ${name}`);
  writeFileSync(
    path,
    [
      '[[TransferSyntaxes]]',
      '[All]',
      ...lines,
      '[[PresentationContexts]]',
      '[Only]',
      'PresentationContext1 = SecondaryCaptureImageStorage\\All',
      '[[Profiles]]',
      '[Test]',
      'PresentationContexts = Only',
    ].join('\n'),
  );
  return path;
}

/** The nine steps of 3.2.3.1.5 by DCMTK's names, the second for both lossless JPEGs. */
const ORDER = [
  'JPEGExtended:Process2+4',
  'JPEGLossless:Non-hierarchical-1stOrderPrediction',
  'JPEGLossless:Non-hierarchical:Process14',
  'JPEGBaseline',
  'RLELossless',
  'LittleEndianExplicit',
  'BigEndianExplicit',
  'LittleEndianImplicit',
  'JPEG2000',
  'JPEG2000LosslessOnly',
];

test('storescu: of the syntaxes in one context we take the first in the order of preference', async () => {
  const receiver = await startReceiver();
  const { path } = await makeImage(folder, {});
  const accepted: string[] = [];
  for (let left = ORDER.length; left > 0; left--) {
    // proposed the other way round, so that the order is ours
    const profile = profileOf(ORDER.slice(ORDER.length - left).reverse());
    const { output } = await runTool('storescu', ['-d', '-xf', profile, 'Test', ...to(receiver), path]);
    accepted.push(/Accepted Transfer Syntax: =([^\s]+)/.exec(output)?.[1] ?? output);
  }
  assert.equal(accepted, ORDER);
  await receiver.close();
});

test('storescu: contexts with single syntaxes are all accepted, whatever their order', async () => {
  const receiver = await startReceiver();
  const { path } = await makeImage(folder, {});
  const { output } = await runTool('storescu', ['-d', '-R', '-xs', ...to(receiver), path]);
  const results = [...output.matchAll(/Context ID: +\d+ \((\w+)\)/g)].map(([, result]) => result);
  assert.equal(results.slice(-2), ['Accepted', 'Accepted'], output);
  await receiver.close();
});

test('storescu and dcmsend: RLE and .57 are kept decoded, as dcmdrle and dcmdjpeg decode them; .70 and .50 as they came', async () => {
  const receiver = await startReceiver();
  for (const shape of [{}, MULTI_FRAME, { photometric: 'RGB' }, { bits: 16, signed: true }] satisfies PixelShape[]) {
    for (const [coder, decoder, kept] of [
      [['dcmcrle'], 'dcmdrle', undefined],
      [['dcmcjpeg', '+el', '+sv', '6'], 'dcmdjpeg', undefined],
      [['dcmcjpeg', '+e1'], 'dcmdjpeg', '1.2.840.10008.1.2.4.70'],
      [['dcmcjpeg', '+ee', '+un'], 'dcmdjpeg', '1.2.840.10008.1.2.4.51'],
    ] as const) {
      const made = await makeImage(folder, shape);
      const coded = `${made.path}.coded`;
      const [tool, ...args] = coder;
      assert.is((await runTool(tool, [...args, made.path, coded])).code, 0, tool);
      const { sopInstanceUid: uid } = await readHeader(coded);
      const run = await runTool('dcmsend', ['-v', '-dn', '-nuc', ...to(receiver), coded]);
      assert.is(run.code, 0, run.output);
      const header = await readHeader(receiver.kept.get(uid)!);
      assert.is(header.transferSyntax, kept ?? '1.2.840.10008.1.2.1');
      if (kept) assert.ok((await receiver.dataset(uid)).equals(await datasetBytes(coded)), kept);
      else {
        await runTool(decoder, [coded, `${coded}.plain`]);
        assert.equal(await pixelBytes(receiver.kept.get(uid)!), await pixelBytes(`${coded}.plain`), tool);
        assert.is(text(header.dataset, 'PhotometricInterpretation'), shape.photometric ?? 'MONOCHROME2');
        const dump = await runTool('dcmdump', ['-q', '+E', receiver.kept.get(uid)!]);
        assert.not.match(dump.output, /^[EW]:/m);
      }
    }
  }
  assert.equal(readdirSync(receiver.incoming), []);
  await receiver.close();
});

async function pixelBytes(path: string): Promise<Buffer> {
  const { dataset } = await readHeader(path);
  const { Value, bulk } = dataset['7FE00010']!;
  if (!bulk) return Buffer.from(Value[0] as Uint8Array);
  return readFileSync(path).subarray(bulk.offset, bulk.offset + bulk.length!);
}

test('dcmsend: RLE that cannot be decoded is 0110, and the association ends', async () => {
  const receiver = await startReceiver();
  const made = await makeImage(folder, {});
  const coded = `${made.path}.rle`;
  assert.is((await runTool('dcmcrle', [made.path, coded])).code, 0);
  const bytes = readFileSync(coded);
  bytes.fill(0x81, bytes.length - 700, bytes.length - 8); // repeats without end
  writeFileSync(coded, bytes);
  const run = await runTool('dcmsend', ['-v', '-dn', '-nuc', ...to(receiver), coded]);
  assert.match(run.output, /C-STORE Response \(Unknown Status: 0x110\)[\s\S]*aborted/);
  assert.is(receiver.kept.size, 0);
  assert.equal(readdirSync(receiver.incoming), []);
  await receiver.close();
});

test('storescu: private elements in sequences are gone, those at the top stay as they were', async () => {
  const receiver = await startReceiver();
  const made = await makeImage(folder, MULTI_FRAME, {
    change: (ds) => {
      setElement(ds, '00290010', 'LO', ['NOBODY']);
      setElement(ds, '00291001', 'LT', ['kept in explicit VR']);
      const item = setElement({}, 'CodeValue', 'SH', ['C']);
      setElement(ds, 'ProcedureCodeSequence', 'SQ', [setElement(item, '00290010', 'LO', ['NOBODY'])]);
    },
  });
  const run = await runTool('storescu', ['-v', '-xe', ...to(receiver), made.path]);
  assert.is(run.code, 0, run.output);
  const { dataset } = await readHeader(receiver.kept.get(made.sopInstanceUid)!);
  assert.is(String(dataset['00291001']!.Value[0]), 'kept in explicit VR');
  assert.equal(Object.keys(items(dataset, 'ProcedureCodeSequence')[0]!), ['00080100']);
  await receiver.close();
});

test('dcmsend: retired ultrasound classes are converted, and its report says success for each', async () => {
  const receiver = await startReceiver();
  const sent: string[] = [];
  const uids: string[] = [];
  for (const sopClassUid of ['1.2.840.10008.5.1.4.1.1.6', '1.2.840.10008.5.1.4.1.1.3', '1.2.840.10008.5.1.4.1.1.6.1']) {
    const made = await makeImage(folder, {}, { sopClassUid });
    sent.push(made.path);
    uids.push(made.sopInstanceUid);
  }
  const report = join(folder, 'report.txt');
  const run = await runTool('dcmsend', ['-v', '-nuc', '+crf', report, ...to(receiver), ...sent]);
  assert.is(run.code, 0, run.output);
  assert.is([...readFileSync(report, 'latin1').matchAll(/0x0000|Success/g)].length >= 3, true);
  assert.equal(new Set(receiver.kept.keys()), new Set([convertedUid(uids[0]!), convertedUid(uids[1]!), uids[2]!]));
  await receiver.close();
});

test('storescu: the same object twice is one, the first, and both are answered with success', async () => {
  const receiver = await startReceiver();
  const made = await makeImage(folder, {}, { change: (ds) => setElement(ds, 'PatientID', 'LO', ['FIRST']) });
  const other = `${made.path}.other`;
  await copyFile(made.path, other);
  assert.is((await runTool('dcmodify', ['-nb', '-m', 'PatientID=SECOND', other])).code, 0);
  const run = await runTool('storescu', ['-v', ...to(receiver), made.path, other]);
  assert.is(run.code, 0, run.output);
  assert.is([...run.output.matchAll(/Received Store Response \(Success\)/g)].length, 2);
  const { dataset } = await readHeader(receiver.kept.get(made.sopInstanceUid)!);
  assert.is(text(dataset, 'PatientID'), 'FIRST');
  await receiver.close();
});

test('Orthanc sends what it has, and what arrives it finds again unchanged', async () => {
  const receiver = await startReceiver();
  const orthanc = await startOrthanc({ folder: join(folder, 'orthanc'), modalities: { rig: receiver.node } });
  const made = [await makeImage(folder, MULTI_FRAME), await makeImage(folder, { photometric: 'RGB' })];
  const results = await storeFiles(
    scu(orthanc.node),
    made.map(({ path }) => path),
  );
  assert.ok(results.every(({ outcome }) => outcome === 'stored'));
  const ids = (await orthanc.get('/instances')) as string[];
  await orthanc.post('/modalities/rig/store', { Resources: ids, Synchronous: true });
  assert.equal([...receiver.kept.keys()].sort(), made.map(({ sopInstanceUid }) => sopInstanceUid).sort());
  for (const { path, sopInstanceUid } of made) {
    assert.equal(await pixelBytes(receiver.kept.get(sopInstanceUid)!), await pixelBytes(path));
  }
  await orthanc.stop();
  await receiver.close();
});

test('through: our SCU, our SCP, our SCU, storescp: the dataset is the same byte for byte', async () => {
  const receiver = await startReceiver();
  const peer = await startStorescp({ folder: join(folder, 'through'), args: ['+B'] });
  const made = await makeObject(folder, { bytes: 300_001 });
  const odd = await makeImage(folder, MULTI_FRAME, { transferSyntax: '1.2.840.10008.1.2' });
  for (const { path, sopInstanceUid } of [made, odd]) {
    await storeFiles(scu(receiver.node), [path]);
    const [result] = await storeFiles(scu(peer.node), [receiver.kept.get(sopInstanceUid)!]);
    assert.is(result!.outcome, 'stored', result!.error?.message);
    const name = readdirSync(join(folder, 'through')).find((candidate) => candidate.includes(sopInstanceUid))!;
    assert.ok((await datasetBytes(join(folder, 'through', name))).equals(await datasetBytes(path)));
  }
  await peer.stop();
  await receiver.close();
});

test.run();
