/** What happens to objects on their way in: nothing to nearly all of them, what the statement orders to the others. */

import { readdirSync } from 'node:fs';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { fileBytes } from '../../runtime/dicom/codecs/bytes.js';
import { CodecPool } from '../../runtime/dicom/codecs/pool.js';
import { type Dataset, items, setElement, text } from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { encodeFileMeta } from '../../runtime/dicom/dataset/file-meta.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { deriveUid, isUid, makeUid } from '../../runtime/dicom/dataset/uid.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { changeObject, changesFor, convertedUid } from '../../runtime/network/receiving/changes.js';
import { keptUid } from '../../runtime/network/receiving/conversions.js';
import { inspect } from '../../runtime/network/receiving/findings.js';
import { CT_IMAGE, clock, EXPLICIT, log, scratch, scu } from '../helpers/dicom.js';
import { ctObject, withPrivateItem } from '../helpers/incoming.js';
import { startReceiver } from '../helpers/receiver.js';

const test = suite('receiving');
const folder = scratch();
const IMPLICIT = '1.2.840.10008.1.2';
const US_RETIRED = '1.2.840.10008.5.1.4.1.1.6';
const US_IMAGE = '1.2.840.10008.5.1.4.1.1.6.1';

async function fileOf(ds: Dataset | Buffer, more: { transferSyntax?: string; uid?: string; sopClass?: string } = {}) {
  const { transferSyntax = EXPLICIT } = more;
  const bytes = Buffer.isBuffer(ds) ? ds : encodeDataset(ds, transferSyntax);
  const named = Buffer.isBuffer(ds) ? {} : ds;
  const sopInstanceUid = more.uid ?? text(named, 'SOPInstanceUID') ?? makeUid();
  const sopClassUid = more.sopClass ?? text(named, 'SOPClassUID') ?? CT_IMAGE;
  const path = join(folder, `${makeUid()}.dcm`);
  await writeFile(path, Buffer.concat([encodeFileMeta({ sopClassUid, sopInstanceUid, transferSyntax }), bytes]));
  return { path, bytes, sopInstanceUid };
}

test('an explicit object with private elements at the top is kept byte for byte; a small one too', async () => {
  const receiver = await startReceiver();
  for (const size of [100_000, 10]) {
    const ds = ctObject();
    setElement(ds, 'PixelData', 'OW', [Buffer.alloc(size, 7)]);
    const { path, bytes, sopInstanceUid } = await fileOf(ds);
    assert.is((await storeFiles(scu(receiver.node), [path]))[0]!.outcome, 'stored');
    assert.ok((await receiver.dataset(sopInstanceUid)).equals(bytes));
  }
  assert.equal(readdirSync(receiver.incoming), []);
  await receiver.close();
});

test('odd lengths, unknown sequences, group lengths and padding come through as they are, and go out so', async () => {
  const receiver = await startReceiver();
  const again = await startReceiver();
  const ds = ctObject();
  const whole = encodeDataset(ds, EXPLICIT);
  const at = whole.indexOf(Buffer.from([0x10, 0x00, 0x10, 0x00])); // before Patient's Name
  const odd = Buffer.concat([
    whole.subarray(0, at),
    Buffer.from('09000100554e0000ffffffff', 'hex'), // UN of undefined length: a sequence in implicit VR
    Buffer.from('feff00e0ffffffff', 'hex'),
    Buffer.from('0800000105000000434f444531', 'hex'), // an odd length
    Buffer.from('feff0de000000000feffdde000000000', 'hex'),
    Buffer.from('1000000055 4c0400 63000000'.replaceAll(' ', ''), 'hex'), // a group length that is not true
    whole.subarray(at),
    Buffer.from('fcfffcff4f42000003000000010203', 'hex'), // Data Set Trailing Padding
  ]);
  const { path, sopInstanceUid } = await fileOf(odd, { uid: text(ds, 'SOPInstanceUID') });
  assert.is((await storeFiles(scu(receiver.node), [path]))[0]!.status, '0000');
  assert.ok((await receiver.dataset(sopInstanceUid)).equals(odd));
  await storeFiles(scu(again.node), [receiver.kept.get(sopInstanceUid)!]);
  assert.ok((await again.dataset(sopInstanceUid)).equals(odd));
  await Promise.all([receiver.close(), again.close()]);
});

test('implicit VR loses private elements that nobody registered, and no others', async () => {
  const receiver = await startReceiver();
  const ds = ctObject();
  const { path, sopInstanceUid } = await fileOf(ds, { transferSyntax: IMPLICIT });
  await storeFiles(scu(receiver.node), [path]);
  delete ds['00291077'];
  delete ds['00310010'];
  delete ds['00311001'];
  assert.ok((await receiver.dataset(sopInstanceUid)).equals(encodeDataset(ds, IMPLICIT)));
  const plain = await fileOf(ds, { transferSyntax: IMPLICIT, uid: undefined });
  const again = await startReceiver();
  await storeFiles(scu(again.node), [plain.path]);
  assert.ok((await again.dataset(sopInstanceUid)).equals(plain.bytes), 'what is registered needs no change');
  assert.equal(readdirSync(receiver.incoming), []);
  await Promise.all([receiver.close(), again.close()]);
});

test('private elements in items go in any syntax; preserve keeps them', async () => {
  for (const transferSyntax of [EXPLICIT, IMPLICIT]) {
    const receiver = await startReceiver();
    const { path, bytes, sopInstanceUid } = await fileOf(withPrivateItem(ctObject()), { transferSyntax });
    await storeFiles(scu(receiver.node), [path]);
    const kept = decodeDataset(await receiver.dataset(sopInstanceUid), transferSyntax);
    const [item] = items(kept, 'ReferencedImageSequence');
    assert.equal(Object.keys(item!), ['00081155', '0040A170']);
    assert.equal(Object.keys(items(item!, 'PurposeOfReferenceCodeSequence')[0]!), ['00080100']);
    assert.is(kept['00311001'] === undefined, transferSyntax === IMPLICIT);
    await receiver.close();
    const keeper = await startReceiver({
      importFrom: ({ callingAe }) => (callingAe === 'PETRIG' ? 'preserve' : 'statement'),
    });
    await storeFiles(scu(keeper.node), [path]);
    assert.ok((await keeper.dataset(sopInstanceUid)).equals(bytes));
    await keeper.close();
  }
});

test('a retired ultrasound image becomes a new one that names its source; coming again it is a duplicate', async () => {
  const receiver = await startReceiver();
  const { path, sopInstanceUid } = await fileOf(ctObject(US_RETIRED));
  for (let i = 0; i < 2; i++) assert.is((await storeFiles(scu(receiver.node), [path]))[0]!.status, '0000');
  const uid = convertedUid(sopInstanceUid);
  assert.equal([...receiver.kept.keys()], [uid]);
  assert.equal(receiver.duplicates, [uid]);
  const header = await readHeader(receiver.kept.get(uid)!);
  assert.is(header.sopClassUid, US_IMAGE);
  assert.is(header.sopInstanceUid, uid);
  assert.is(text(header.dataset, 'SOPClassUID'), US_IMAGE);
  assert.is(text(header.dataset, 'SOPInstanceUID'), uid);
  const [source] = items(header.dataset, 'SourceImageSequence');
  assert.is(text(source!, 'ReferencedSOPClassUID'), US_RETIRED);
  assert.is(text(source!, 'ReferencedSOPInstanceUID'), sopInstanceUid);
  const archive = { loadState: async <T>(_owner: string, key: string) => receiver.states.get(key) as T | undefined };
  assert.is(await keptUid(archive, sopInstanceUid), uid);
  assert.is(await keptUid(archive, '1.2.3'), '1.2.3');
  await receiver.close();
});

test('derived UIDs are UIDs, the same every time, under any root', () => {
  for (const root of [undefined, '1.2.826.0.1.3680043.9']) {
    const uid = deriveUid('x', root);
    assert.ok(isUid(uid) && uid.startsWith(root ?? '2.25.'), uid);
    assert.is(deriveUid('x', root), uid);
    assert.is.not(deriveUid('y', root), uid);
  }
});

const IMPLAUSIBLE: Record<string, { change(ds: Dataset): void; comment: RegExp }> = {
  'no Study Instance UID': { change: (ds) => delete ds['0020000D'], comment: /Study Instance UID is missing/ },
  'an empty Series Instance UID': {
    change: (ds) => setElement(ds, 'SeriesInstanceUID', 'UI', []),
    comment: /Series Instance UID is missing/,
  },
  'a Study Instance UID that is none': {
    change: (ds) => setElement(ds, 'StudyInstanceUID', 'UI', ['1.2.x']),
    comment: /Study Instance UID is invalid: 1\.2\.x/,
  },
  'a Series Instance UID of 200 characters': {
    change: (ds) => setElement(ds, 'SeriesInstanceUID', 'LO', ['1.2'.repeat(66)]),
    comment: /Series Instance UID is invalid: \(198 bytes\)/,
  },
  'another SOP Instance UID than the command': {
    change: (ds) => setElement(ds, 'SOPInstanceUID', 'UI', ['1.2.3.4']),
    comment: /SOP Instance UID is not the command's/,
  },
  'another class than the command': {
    change: (ds) => setElement(ds, 'SOPClassUID', 'UI', [US_IMAGE]),
    comment: /SOP Class UID is not the command's/,
  },
};

for (const [name, { change, comment }] of Object.entries(IMPLAUSIBLE)) {
  test(`${name}: A900, and the association is aborted`, async () => {
    const receiver = await startReceiver();
    for (const pixels of [100_000, 10]) {
      const ds = ctObject();
      setElement(ds, 'PixelData', 'OW', [Buffer.alloc(pixels)]);
      const uid = text(ds, 'SOPInstanceUID')!;
      change(ds);
      const bad = await fileOf(ds, { uid, sopClass: CT_IMAGE });
      const good = await fileOf(ctObject());
      const results = await storeFiles(scu(receiver.node), [bad.path, good.path]);
      assert.is(results[0]!.status, 'A900');
      assert.match(results[0]!.error!.message, comment);
      assert.is(results[1]!.outcome, 'unsent');
    }
    assert.is(receiver.kept.size, 0);
    assert.equal(readdirSync(receiver.incoming), []);
    await receiver.close();
  });
}

test('broken datasets are A900: cut, lying about lengths, empty items', async () => {
  const receiver = await startReceiver();
  const ds = ctObject();
  const whole = encodeDataset(ds, EXPLICIT);
  const uid = text(ds, 'SOPInstanceUID')!;
  const lying = Buffer.from(whole);
  lying.writeUInt32LE(0xfffffffe, whole.length - 100_000 - 4);
  for (const bytes of [whole.subarray(0, -50), lying, whole.subarray(0, 60), Buffer.alloc(300, 0x41)]) {
    const { path } = await fileOf(bytes, { uid });
    const [result] = await storeFiles(scu(receiver.node), [path]);
    assert.is(result!.status, 'A900', result!.error?.message);
  }
  assert.is(receiver.kept.size, 0);
  assert.equal(readdirSync(receiver.incoming), []);
  await receiver.close();
});

test('too little disk is A700 before the dataset is taken; a disk that fails is A700; other failures are 0110', async () => {
  const full = await startReceiver({ reserveBytes: Number.MAX_SAFE_INTEGER });
  const { path } = await fileOf(ctObject());
  const [refused] = await storeFiles(scu(full.node), [path]);
  assert.is(refused!.status, 'A700');
  assert.match(refused!.error!.message, /bytes are free on the disk/);
  await full.close();
  const receiver = await startReceiver();
  for (const [error, status] of [
    [new ScannerError('data.disk', { path: 'x', message: 'no space' }), 'A700'],
    [new ScannerError('bug.unexpected', { message: 'index' }), '0110'],
  ] as const) {
    receiver.failWith(error);
    assert.is((await storeFiles(scu(receiver.node), [path]))[0]!.status, status);
  }
  assert.equal(readdirSync(receiver.incoming), []);
  assert.is((await storeFiles(scu(receiver.node), [path]))[0]!.status, '0000');
  await receiver.close();
});

test('2 GB of registered private bulk in implicit VR: what is unknown goes, memory stays flat', async () => {
  const ds = ctObject('1.3.12.2.1107.5.9.1');
  for (const tag of ['7FE00010', '00291008', '00291077', '00290010']) delete ds[tag];
  setElement(ds, '7FE10010', 'LO', ['SIEMENS CSA NON-IMAGE']);
  const header = encodeDataset(ds, IMPLICIT);
  const bulkBytes = 0x80000000;
  const bulk = Buffer.from('e17f101000000080', 'hex');
  const path = join(folder, 'sparse.bin');
  const file = await open(path, 'w+');
  await file.write(Buffer.concat([header, bulk]), 0, header.length + bulk.length, 0);
  await file.truncate(header.length + bulk.length + bulkBytes);
  const bytes = fileBytes(file, 0, header.length + bulk.length + bulkBytes);
  const before = process.memoryUsage().rss;
  const found = await inspect(bytes, IMPLICIT);
  assert.is(found.unknownPrivate, true);
  const object = { sopClassUid: '', sopInstanceUid: '', transferSyntax: IMPLICIT, callingAe: 'A', calledAe: 'B' };
  const codecs = new CodecPool({ clock, log });
  const { plan } = await changeObject(bytes, object, changesFor(object, found)!, { codecs });
  let [got, peak] = [0, 0];
  for await (const chunk of plan.chunks()) {
    got += chunk.length;
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  delete ds['00310010'];
  delete ds['00311001'];
  assert.is(got, encodeDataset(ds, IMPLICIT).length + bulk.length + bulkBytes);
  assert.ok(peak - before < 100e6, `${Math.round((peak - before) / 1e6)} MB more`);
  await file.close();
});

test.run();
