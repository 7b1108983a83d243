/** Datasets in big endian and deflated, what other writers leave in theirs, and what must not be read. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import {
  bytes,
  type Dataset,
  dataset,
  items,
  numbers,
  setElement,
  text,
  texts,
} from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { encodeFileMeta } from '../../runtime/dicom/dataset/part10.js';
import {
  DEFLATED_EXPLICIT,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
} from '../../runtime/dicom/dataset/transfer-syntax.js';
import { CT_IMAGE, scratch } from '../helpers/dicom.js';
import { runTool } from '../helpers/peers.js';
import { askPydicom } from '../helpers/pydicom.js';

const test = suite('dataset syntaxes');
const folder = scratch();
const SEED = 20261123;
const hex = (words: string) => Buffer.from(words.replaceAll(' ', ''), 'hex');

function specimen(): Dataset {
  const ds = dataset({
    SpecificCharacterSet: ['', 'ISO 2022 IR 87'],
    SOPClassUID: CT_IMAGE,
    SOPInstanceUID: '2.25.44',
    PatientName: '山田^太郎',
    Rows: 258,
    ReferencedSamplePositions: [1, 4_000_000_000],
    FrameReferenceTime: 1500.25,
    TableTopVerticalPosition: -1.25,
    FrameIncrementPointer: '00540010',
    PixelSpacing: ['2', '2.0000'],
    EnergyWindowInformationSequence: dataset({
      EnergyWindowRangeSequence: [dataset({ EnergyWindowLowerLimit: 435 }), dataset({})],
    }),
  });
  setElement(ds, '00280107', 'SS', [-2]);
  setElement(ds, '00720083', 'UV', [2n ** 63n + 5n]);
  setElement(ds, '00720074', 'FD', [0.1]);
  setElement(ds, '00660016', 'OF', [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)]);
  return setElement(ds, 'PixelData', 'OW', [Uint8Array.of(1, 2, 3, 4)]);
}

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
  const ours = file('ours.dcm', encodeDataset(specimen(), EXPLICIT_BIG_ENDIAN), EXPLICIT_BIG_ENDIAN);
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
      encodeDataset(read, EXPLICIT_LITTLE_ENDIAN).equals(encodeDataset(specimen(), EXPLICIT_LITTLE_ENDIAN)),
      path,
    );
  }
});

test('deflated: a file that dcmconv deflated reads the same, whatever is asked of it', async () => {
  const ds = specimen();
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
  const whole = deflateRawSync(encodeDataset(specimen(), EXPLICIT_LITTLE_ENDIAN));
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
  const ds = { ...specimen(), ...dataset({ ConceptNameCodeSequence: long }) };
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

/** Datasets with values of every kind. */
function datasets(depth = 2): fc.Arbitrary<Dataset> {
  const word = fc.stringMatching(/^[A-Za-z0-9]{1,8}$/);
  const name = fc
    .string({ unit: fc.constantFrom('é', 'ß', 'A', 'ö', '^', ' x'), minLength: 1, maxLength: 10 })
    .map((s) => `a${s}b`);
  const value = (vr: string, one: fc.Arbitrary<string | number | bigint | Uint8Array>, maxLength = 3) =>
    fc.array(one, { maxLength }).map((Value) => ({ vr, Value }));
  const even = fc.uint8Array({ minLength: 1, maxLength: 4 }).map((raw) => Buffer.concat([raw, raw, raw, raw]));
  const plain: Record<string, fc.Arbitrary<Dataset[string]>> = {
    '00080005': fc.constant({ vr: 'CS', Value: ['ISO_IR 100'] }),
    '00080008': value('CS', word),
    '00100010': value('PN', name),
    '00104000': value('LT', name, 1),
    '00280010': value('US', fc.nat(0xffff)),
    '00280107': value('SS', fc.integer({ min: -0x8000, max: 0x7fff })),
    '00186020': value('SL', fc.integer()),
    '00720083': value('UV', fc.bigInt(0n, 2n ** 64n - 1n)),
    '00720074': value('FD', fc.double({ noNaN: true })),
    '00720076': value('FL', fc.float({ noNaN: true })),
    '00280030': value('DS', fc.integer().map(String)),
    '00280009': value(
      'AT',
      fc.nat(0xffffffff).map((tag) => tag.toString(16).toUpperCase().padStart(8, '0')),
    ),
    '00660016': value('OF', even, 1),
    '7FE00010': value('OW', even, 1),
  };
  const model =
    depth === 0
      ? plain
      : { ...plain, '00400100': fc.array(datasets(depth - 1), { maxLength: 3 }).map((Value) => ({ vr: 'SQ', Value })) };
  return fc.record(model, { requiredKeys: ['00080005'] }) as fc.Arbitrary<Dataset>;
}

test('property: what is written is read, and written again the same, in every encoding', () => {
  for (const syntax of [EXPLICIT_LITTLE_ENDIAN, IMPLICIT_LITTLE_ENDIAN, EXPLICIT_BIG_ENDIAN]) {
    fc.assert(
      fc.property(datasets(), (ds) => {
        const raw = encodeDataset(ds, syntax);
        const read = decodeDataset(raw, syntax);
        assert.ok(encodeDataset(read, syntax).equals(raw));
        assert.equal(texts(read, '00080008'), ds['00080008']?.Value ?? []);
        if (syntax === EXPLICIT_BIG_ENDIAN) {
          assert.ok(encodeDataset(read, EXPLICIT_LITTLE_ENDIAN).equals(encodeDataset(ds, EXPLICIT_LITTLE_ENDIAN)));
        } else assert.is(raw.length % 2, 0);
      }),
      { numRuns: 300, seed: SEED },
    );
  }
});

test('property: damaged datasets of every syntax are read or refused, nothing else', async () => {
  const seeds = [EXPLICIT_BIG_ENDIAN, DEFLATED_EXPLICIT, EXPLICIT_LITTLE_ENDIAN].map((syntax) => {
    const raw = encodeDataset(specimen(), syntax === DEFLATED_EXPLICIT ? EXPLICIT_LITTLE_ENDIAN : syntax);
    return { syntax, raw: syntax === DEFLATED_EXPLICIT ? deflateRawSync(raw) : raw };
  });
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 5 });
  let refusals = 0;
  const tolerate = (error: unknown) => {
    assert.instance(error, ScannerError);
    assert.ok(['data', 'limit'].includes((error as ScannerError).kind), (error as Error).message);
    refusals++;
  };
  const property = fc.asyncProperty(
    fc.constantFrom(...seeds),
    changes,
    fc.boolean(),
    async ({ syntax, raw }, edits, cut) => {
      const damaged = Buffer.from(raw);
      for (const [at, value] of edits) damaged[at % damaged.length] = value;
      const input = cut ? damaged.subarray(0, edits[0]![0] % damaged.length) : damaged;
      try {
        decodeDataset(input, syntax);
      } catch (error) {
        tolerate(error);
      }
      await readHeader(file('damaged.dcm', input, syntax)).catch(tolerate);
    },
  );
  await fc.assert(property, { numRuns: 3000, seed: SEED });
  assert.ok(refusals > 1000, `${refusals} refused`);
});

test.run();
