import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ScannerError } from '../../hal/base/errors.js';
import { bulkOf, encapsulate, fileSlice } from '../../runtime/dicom/dataset/bulk.js';
import {
  dataset,
  getPrivate,
  items,
  number,
  numbers,
  set,
  setElement,
  setPrivate,
  text,
  texts,
} from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { tagOf, vrOf } from '../../runtime/dicom/dataset/dictionary.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { writePart10File } from '../../runtime/dicom/dataset/part10.js';
import { EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN } from '../../runtime/dicom/dataset/transfer-syntax.js';
import { isUid, makeUid } from '../../runtime/dicom/dataset/uid.js';

const test = suite('dataset');
const folder = mkdtempSync(join(tmpdir(), 'petrig-dataset-'));
test.after(() => rmSync(folder, { recursive: true }));

const PET = '1.2.840.10008.5.1.4.1.1.128';

/** One element of every kind, nested, private and in a character set. */
function everyKind() {
  const ds = dataset({
    SpecificCharacterSet: 'ISO_IR 100',
    SOPClassUID: PET,
    SOPInstanceUID: '2.25.17',
    ImageType: ['ORIGINAL', 'PRIMARY'],
    PatientName: 'Müller^Jörg',
    PatientComments: 'a\\b',
    PatientWeight: '070.50',
    SliceThickness: 1 / 8.1,
    InstanceNumber: '+7',
    Rows: 128,
    SmallestImagePixelValue: 65535,
    FrameReferenceTime: 1500.25,
    ReferencedSamplePositions: [1, 4_000_000_000],
    ExposureTime: null,
    FrameIncrementPointer: ['00540010', '00540020'],
    PixelSpacing: ['2', '2.0000'],
    EnergyWindowInformationSequence: dataset({
      EnergyWindowRangeSequence: [dataset({ EnergyWindowLowerLimit: 435, PatientName: 'é' }), dataset({})],
    }),
    TableTopVerticalPosition: -1.25,
  });
  setElement(ds, '00189074', 'DT', ['20261123120000.000000']);
  setElement(ds, '00080120', 'UR', ['http://a/b']);
  setElement(ds, '00720083', 'UV', [2n ** 63n]);
  setPrivate(ds, 'SIEMENS CSA NON-IMAGE', '0029', '10', 'OB', [Uint8Array.of(1, 2, 3)]);
  setPrivate(ds, 'OTHER', '0029', '01', 'SL', [-5]);
  return setElement(ds, 'PixelData', 'OW', [Uint8Array.of(1, 2, 3, 4)]);
}

for (const syntax of [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN]) {
  test(`every kind of value survives ${syntax}, and writing again gives the same bytes`, () => {
    const bytes = encodeDataset(everyKind(), syntax);
    const ds = decodeDataset(bytes, syntax);
    assert.is(text(ds, 'PatientName'), 'Müller^Jörg');
    assert.equal(texts(ds, 'PatientComments'), ['a\\b']);
    assert.is(text(ds, 'PatientWeight'), '070.50');
    assert.is(text(ds, 'InstanceNumber'), '+7');
    assert.equal(numbers(ds, 'ReferencedSamplePositions'), [1, 4_000_000_000]);
    assert.ok(text(ds, 'SliceThickness')!.length <= 16);
    assert.ok(Math.abs(number(ds, 'SliceThickness')! - 1 / 8.1) < 1e-13);
    assert.equal(texts(ds, 'FrameIncrementPointer'), ['00540010', '00540020']);
    assert.equal(ds[tagOf('ExposureTime')]!.Value, []);
    const ranges = items(items(ds, 'EnergyWindowInformationSequence')[0]!, 'EnergyWindowRangeSequence');
    assert.is(ranges.length, 2);
    assert.is(text(ranges[0]!, 'PatientName'), 'é');
    assert.is(number(ds, 'TableTopVerticalPosition'), -1.25);
    const own = getPrivate(ds, 'SIEMENS CSA NON-IMAGE', '0029', '10')!;
    assert.equal([...(own.Value[0] as Uint8Array)], [1, 2, 3, 0]);
    assert.ok(encodeDataset(ds, syntax).equals(bytes));
  });
}

test('pydicom reads what is written', async () => {
  const path = join(folder, 'pydicom.dcm');
  await writePart10File(path, everyKind(), EXPLICIT_LITTLE_ENDIAN, { sourceAeTitle: 'PETRIG' });
  const script = [
    'import pydicom, json, sys',
    'd = pydicom.dcmread(sys.argv[1])',
    'print(json.dumps([str(d.PatientName), d.PatientWeight.original_string, d.ReferencedSamplePositions[1],',
    ' d.EnergyWindowInformationSequence[0].EnergyWindowRangeSequence[0].PatientName.family_name, d[0x0029,0x1101].value,',
    ' len(d.PixelData), d.file_meta.TransferSyntaxUID, d[0x00720083].value, d.FrameIncrementPointer[1].elem]))',
  ].join('\n');
  const answer = JSON.parse(execFileSync('/usr/bin/python3', ['-c', script, path], { encoding: 'utf8' }));
  assert.equal(answer, ['Müller^Jörg', '070.50', 4e9, 'é', -5, 4, EXPLICIT_LITTLE_ENDIAN, 2 ** 63, 0x20]);
});

test('text goes into the declared set or is refused, never mangled', () => {
  const ds = dataset({ SpecificCharacterSet: 'ISO_IR 100', PatientName: '山田' });
  assert.throws(
    () => encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN),
    (e: ScannerError) => e.code === 'data.text',
  );
  for (const [term, name] of [
    ['ISO_IR 192', '山田^Ö'],
    ['ISO_IR 144', 'Люкceмбypг'],
    ['ISO_IR 126', 'Διονυσιος'],
    ['ISO_IR 13', 'ﾔﾏﾀﾞ^ﾀﾛｳ'],
    ['GB18030', '王^小东'],
  ] as const) {
    const bytes = encodeDataset(dataset({ SpecificCharacterSet: term, PatientName: name }), EXPLICIT_LITTLE_ENDIAN);
    assert.is(text(decodeDataset(bytes, EXPLICIT_LITTLE_ENDIAN), 'PatientName'), name, term);
  }
});

test('bulk values are streamed, left in the file on reading, and found by their offset', async () => {
  const path = join(folder, 'bulk.dcm');
  const ds = dataset({ SOPClassUID: PET, SOPInstanceUID: '2.25.18', PatientName: 'A' });
  setElement(ds, '7FE10010', 'LO', ['SIEMENS CSA NON-IMAGE']);
  setElement(ds, '7FE11010', 'OB', []);
  set(ds, 'DataSetTrailingPadding', Uint8Array.of(9, 9));
  const big = Buffer.alloc(3_000_001, 7);
  const written = await writePart10File(path, ds, EXPLICIT_LITTLE_ENDIAN, {
    bulk: { '7FE11010': bulkOf(big.subarray(0, 1_000_000), big.subarray(1_000_000)) },
  });
  const raw = readFileSync(path);
  assert.is(raw.length, written.size);
  const header = await readHeader(path);
  const bulk = header.dataset['7FE11010']!.bulk!;
  assert.is(bulk.length, 3_000_002);
  assert.ok(raw.subarray(bulk.offset, bulk.offset + 3_000_001).equals(big));
  assert.equal([...(header.dataset.FFFCFFFC!.Value[0] as Uint8Array)], [9, 9]);
  const copy = join(folder, 'copy.dcm');
  await writePart10File(copy, header.dataset, EXPLICIT_LITTLE_ENDIAN, {
    bulk: { '7FE11010': fileSlice(path, bulk.offset, bulk.length!) },
  });
  assert.ok(readFileSync(copy).equals(raw));
});

test('a bulk value of the wrong length leaves no file behind', async () => {
  const before = readdirSync(folder).length;
  const ds = setElement(dataset({ SOPClassUID: PET, SOPInstanceUID: '2.25.19' }), 'PixelData', 'OW', []);
  try {
    const bulk = { '7FE00010': { length: 10, chunks: [Buffer.alloc(8)] } };
    await writePart10File(join(folder, 'short.dcm'), ds, EXPLICIT_LITTLE_ENDIAN, { bulk });
    assert.unreachable();
  } catch (error) {
    assert.is((error as ScannerError).code, 'data.truncated');
  }
  assert.is(readdirSync(folder).length, before);
});

test('encapsulated frames are written with an offset table that pydicom follows', async () => {
  const path = join(folder, 'frames.dcm');
  const ds = dataset({ SOPClassUID: PET, SOPInstanceUID: '2.25.20', NumberOfFrames: 2, Rows: 1 });
  setElement(ds, 'PixelData', 'OB', []);
  const frames = [Buffer.alloc(101, 1), Buffer.alloc(50, 2)];
  await writePart10File(path, ds, '1.2.840.10008.1.2.5', { bulk: { '7FE00010': encapsulate(frames) } });
  const script = [
    'import pydicom, sys, json',
    'from pydicom.encaps import generate_pixel_data_frame as g',
    'd = pydicom.dcmread(sys.argv[1])',
    'print(json.dumps([len(f) for f in g(d.PixelData, 2)]))',
  ].join('\n');
  assert.equal(
    JSON.parse(execFileSync('/usr/bin/python3', ['-W', 'ignore', '-c', script, path], { encoding: 'utf8' })),
    [102, 50],
  );
  const header = await readHeader(path);
  assert.is(header.dataset['7FE00010']!.bulk!.length, undefined);
});

test('undefined lengths, UN sequences and padding of other writers are read', () => {
  const hex = (words: string) => Buffer.from(words.replaceAll(' ', ''), 'hex');
  // (0040,0100) SQ undefined with an undefined item; then a private UN of undefined length, which is implicit inside
  const bytes = Buffer.concat([
    hex('40000001 53510000 FFFFFFFF FEFF00E0 FFFFFFFF 08006000 4353 0200 5054 FEFF0DE0 00000000 FEFFDDE0 00000000'),
    hex('41000110 554E0000 FFFFFFFF FEFF00E0 0A000000 10002000 02000000 4100 FEFFDDE0 00000000'),
  ]);
  const ds = decodeDataset(bytes, EXPLICIT_LITTLE_ENDIAN);
  assert.is(text(items(ds, 'ScheduledProcedureStepSequence')[0]!, 'Modality'), 'PT');
  assert.is(text(items(ds, '00411001')[0]!, 'PatientID'), 'A');
});

test('malformed datasets end as data.dicom with the place', () => {
  const cases: Record<string, string> = {
    'a value past the end': '10001000 504E 1000 41',
    'an OW that declares 0xFFFFFFFE bytes': 'E07F1000 4F570000 FEFFFFFF 0000',
    'an unknown VR': '10001000 5858 0000',
    'undefined length with a text VR': '10001000 55540000 FFFFFFFF',
    'a stray item': 'FEFF00E0 00000000',
    'half an element': '100010',
    'three bytes of US': '28001000 5553 0300 010203',
    'a sequence without its delimiter': '40000001 53510000 FFFFFFFF FEFF00E0 00000000',
    'pixel fragments without a delimiter': 'E07F1000 4F420000 FFFFFFFF FEFF00E0 00000000',
    'an item longer than its sequence': '40000001 53510000 0C000000 FEFF00E0 FF000000 00000000',
  };
  for (const [name, words] of Object.entries(cases)) {
    try {
      decodeDataset(Buffer.from(words.replaceAll(' ', ''), 'hex'), EXPLICIT_LITTLE_ENDIAN);
      assert.unreachable(name);
    } catch (error) {
      assert.is((error as ScannerError).code, 'data.dicom', name);
    }
  }
});

test('nesting is limited', () => {
  const level = Buffer.from('4000000153510000FFFFFFFFFEFF00E0FFFFFFFF', 'hex');
  const deep = Buffer.concat(Array.from({ length: 10_000 }, () => level));
  assert.throws(
    () => decodeDataset(deep, EXPLICIT_LITTLE_ENDIAN),
    (e: ScannerError) => /nested deeper/.test(e.message),
  );
});

test('a header scan of a damaged file says where', async () => {
  const path = join(folder, 'cut.dcm');
  writeFileSync(path, readFileSync(join(folder, 'bulk.dcm')).subarray(0, 5000));
  try {
    await readHeader(path);
    assert.unreachable();
  } catch (error) {
    assert.is((error as ScannerError).code, 'data.dicom');
    assert.match((error as ScannerError).message, /declares 3000002 bytes/);
  }
});

test('UIDs are legal and different', () => {
  const uids = Array.from({ length: 2000 }, (_, i) => makeUid(i % 2 ? undefined : '1.2.826.0.1.3680043.10.1'));
  assert.is(new Set(uids).size, uids.length);
  assert.ok(uids.every((uid) => isUid(uid)));
  assert.throws(() => makeUid('1.2.x'));
  assert.is(vrOf('00291010', 'SIEMENS CSA HEADER'), 'OB');
});

test.run();
