/** Datasets in big endian and deflated, what other writers leave in theirs, and what must not be read. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { bytes, dataset, items, numbers, setElement, text } from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { encodeFileMeta } from '../../runtime/dicom/dataset/file-meta.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import {
  DEFLATED_EXPLICIT,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../runtime/dicom/dataset/transfer-syntax.js';
import { CT_IMAGE, scratch } from '../helpers/dicom.js';
import { everyVr } from '../helpers/every-vr.js';
import { runTool } from '../helpers/peers.js';
import { askPydicom } from '../helpers/pydicom.js';

const test = suite('dataset syntaxes');
const folder = scratch();
const hex = (words: string) => Buffer.from(words.replaceAll(' ', ''), 'hex');

/** A Part 10 file. */
function file(name: string, body: Buffer, transferSyntax: string): string {
  const path = join(folder, name);
  const meta = encodeFileMeta({ sopClassUid: CT_IMAGE, sopInstanceUid: '2.25.44', transferSyntax });
  writeFileSync(path, Buffer.concat([meta, body]));
  return path;
}

function refused(code: string, about: RegExp, call: () => unknown): void {
  assert.throws(
    call,
    (error: unknown) => error instanceof ScannerError && error.code === code && about.test(error.message),
  );
}

async function fails(promise: Promise<unknown>, code: string): Promise<void> {
  const error: unknown = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.is((error as ScannerError | undefined)?.code, code);
}

test('big endian: written as dcmconv and pydicom read it, read as dcmconv writes it', async () => {
  const ours = file('ours.dcm', encodeDataset(everyVr(), EXPLICIT_BIG_ENDIAN), EXPLICIT_BIG_ENDIAN);
  const script = `
d = pydicom.dcmread(data)
answer = [str(d.PatientName), d.Rows, d.ReferencedSamplePositions[1], d.FrameReferenceTime, d[0x00280107].value, d[0x00720083].value == 2**63 + 5,
          d[0x00720074].value, d.EnergyWindowInformationSequence[0].EnergyWindowRangeSequence[0].EnergyWindowLowerLimit, list(d.PixelData)]
`;
  assert.equal(askPydicom(script, ours), ['山田^太郎', 258, 4e9, 1500.25, -2, true, 0.1, 435, [2, 1, 4, 3]]);
  const little = join(folder, 'little.dcm');
  assert.is((await runTool('dcmconv', ['+te', ours, little])).code, 0);
  const back = join(folder, 'back.dcm');
  assert.is((await runTool('dcmconv', ['+tb', little, back])).code, 0);
  for (const path of [ours, little, back]) {
    const { dataset: read } = await readHeader(path);
    assert.ok(
      encodeDataset(read, EXPLICIT_LITTLE_ENDIAN).equals(encodeDataset(everyVr(), EXPLICIT_LITTLE_ENDIAN)),
      path,
    );
  }
});

test('deflated: a file that dcmconv deflated reads the same, whatever is asked of it', async () => {
  const ds = everyVr();
  setElement(ds, 'PixelData', 'OW', [Buffer.alloc(3_000_000, 7)]);
  setElement(ds, 'DataSetTrailingPadding', 'OB', [Uint8Array.of(9, 9)]);
  const plain = file('plain.dcm', encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN), EXPLICIT_LITTLE_ENDIAN);
  const deflated = join(folder, 'deflated.dcm');
  const made = await runTool('dcmconv', ['+td', plain, deflated]);
  assert.is(made.code, 0, made.output);
  const whole = await readHeader(deflated);
  assert.is(whole.transferSyntax, DEFLATED_EXPLICIT);
  assert.is(text(whole.dataset, 'PatientName'), '山田^太郎');
  assert.equal(whole.dataset['7FE00010']!.bulk!.length, 3_000_000);
  assert.ok(whole.dataset['7FE00010']!.bulk!.inflated);
  assert.equal([...bytes(whole.dataset, 'DataSetTrailingPadding')!], [9, 9]);
  const short = await readHeader(deflated, { stopAtTag: '7FE00010' });
  assert.is(short.dataset['7FE00010'], undefined);
  assert.is(numbers(short.dataset, 'Rows')[0], 258);
});

test('deflated: a bomb and rubbish end as errors', async () => {
  const bomb = deflateRawSync(Buffer.concat([hex('10001000 554E0000 00000008'), Buffer.alloc(0x08000000)]));
  assert.ok(bomb.length < 200_000);
  refused('limit.size', /inflated/, () => decodeDataset(bomb, DEFLATED_EXPLICIT));
  refused('data.dicom', /deflated/, () => decodeDataset(Buffer.from([0xff, 0xff, 0xff]), DEFLATED_EXPLICIT));
  await fails(readHeader(file('rubbish.dcm', Buffer.from([0xff, 0xff]), DEFLATED_EXPLICIT)), 'data.dicom');
  const whole = deflateRawSync(encodeDataset(everyVr(), EXPLICIT_LITTLE_ENDIAN));
  await fails(readHeader(file('half.dcm', whole.subarray(0, whole.length >> 1), DEFLATED_EXPLICIT)), 'data.dicom');
  const item = Buffer.concat([hex('FEFF00E0 0C800000 11000110 554E0000 00800000'), Buffer.alloc(0x8000)]);
  const wide = Buffer.concat([hex('40000001 53510000 FFFFFFFF'), ...Array.from({ length: 1100 }, () => item)]);
  await fails(readHeader(file('wide.dcm', deflateRawSync(wide), DEFLATED_EXPLICIT)), 'limit.size');
  await fails(readHeader(file('wide.dcm', wide, EXPLICIT_LITTLE_ENDIAN)), 'limit.size');
});

test('what peers write although they should not is read', () => {
  const read = (words: string) => decodeDataset(hex(words), EXPLICIT_LITTLE_ENDIAN);
  assert.is(text(read('10001000 504E 0300 412042'), 'PatientName'), 'A B', 'an odd length');
  assert.is(
    text(read('20000D00 5549 0300 312E32 10001000 504E 0200 4120'), 'PatientName'),
    'A',
    'behind an odd length',
  );
  const disordered = read('20000D00 5549 0400 312E3200 10001000 504E 0200 4120 08006000 4353 0200 5054');
  assert.equal([text(disordered, 'Modality'), text(disordered, 'PatientName')], ['PT', 'A'], 'out of order');
  assert.is(
    text(read('10001000 504E 0200 4120 10001000 504E 0200 4220'), 'PatientName'),
    'A',
    'twice: the first is kept, as in DCMTK',
  );
  const grouped = read('10000000 554C 0400 0A000000 10001000 504E 0200 4120');
  assert.is(text(grouped, 'PatientName'), 'A', 'a group length');
  assert.ok(
    encodeDataset(grouped, EXPLICIT_LITTLE_ENDIAN).equals(hex('10001000 504E 0200 4120')),
    'is not written again',
  );
  const inBig = decodeDataset(
    hex('0041 1001 554E 0000 FFFFFFFF FEFF00E0 0A000000 10002000 02000000 4100 FEFFDDE0 00000000'),
    EXPLICIT_BIG_ENDIAN,
  );
  assert.is(
    text(items(inBig, '00411001')[0]!, 'PatientID'),
    'A',
    'UN of undefined length is implicit little endian everywhere',
  );
});

test('what makes no sense is refused with its place', async () => {
  const cases: Record<string, string> = {
    'an OW of FFFFFFFE bytes': 'E07F1000 4F570000 FEFFFFFF 0000',
    'a length past the end': '10001000 504E 1000 41',
    'a delimiter outside': 'FEFF0DE0 00000000',
    'an item without its end': '40000001 53510000 FFFFFFFF FEFF00E0 FFFFFFFF 08006000 4353 0200 5054',
    'a fragment of undefined length': 'E07F1000 4F420000 FFFFFFFF FEFF00E0 FFFFFFFF 00000000',
  };
  for (const words of Object.values(cases)) {
    refused('data.dicom', /at byte \d+/, () => decodeDataset(hex(words), EXPLICIT_LITTLE_ENDIAN));
    await fails(readHeader(file('bad.dcm', hex(words), EXPLICIT_LITTLE_ENDIAN)), 'data.dicom');
  }
  refused('data.invalid', /Rows|00280010/, () => encodeDataset(dataset({ Rows: 70_000 }), EXPLICIT_LITTLE_ENDIAN));
  refused('data.invalid', /00280106/, () =>
    encodeDataset(setElement({}, '00280106', 'US', [-1]), EXPLICIT_LITTLE_ENDIAN),
  );
});

test('encapsulated pixels keep their fragments', () => {
  const raw = hex('E07F1000 4F420000 FFFFFFFF FEFF00E0 04000000 00000000 FEFF00E0 04000000 AABBCCDD FEFFDDE0 00000000');
  const ds = decodeDataset(raw, '1.2.840.10008.1.2.5');
  assert.is(ds['7FE00010']!.Value.length, 2);
  assert.ok(encodeDataset(ds, '1.2.840.10008.1.2.5').equals(raw));
});

test('a header scan agrees with the decoder in every syntax, also for sequences of undefined length', async () => {
  const long = Array.from({ length: 500 }, (_, i) => dataset({ CodeValue: `C${i}`, CodeMeaning: 'x'.repeat(40) }));
  const ds = { ...everyVr(), ...dataset({ ConceptNameCodeSequence: long }) };
  delete ds['00280107']; // is US or SS, and implicit VR does not say which
  const raw = file('explicit.dcm', encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN), EXPLICIT_LITTLE_ENDIAN);
  for (const [option, syntax] of [
    ['+te', EXPLICIT_LITTLE_ENDIAN],
    ['+ti', IMPLICIT_LITTLE_ENDIAN],
    ['+tb', EXPLICIT_BIG_ENDIAN],
    ['+td', DEFLATED_EXPLICIT],
  ] as const) {
    const path = join(folder, `open${option}.dcm`);
    const made = await runTool('dcmconv', [option, '-e', raw, path]); // -e: undefined lengths
    assert.is(made.code, 0, made.output);
    const header = await readHeader(path);
    assert.is(header.transferSyntax, syntax);
    assert.equal(items(header.dataset, 'ConceptNameCodeSequence').map((item) => text(item, 'CodeValue')).length, 500);
    assert.ok(
      encodeDataset(header.dataset, EXPLICIT_LITTLE_ENDIAN).equals(encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN)),
      option,
    );
  }
});

test.run();
