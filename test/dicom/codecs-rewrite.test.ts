/** Datasets from one encoding to another: the bytes that dcmconv writes, from files with everything in them that has a byte order. */

import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { fileBytes, memoryBytes } from '../../runtime/dicom/codecs/bytes.js';
import { type NewElement, textElement } from '../../runtime/dicom/codecs/elements.js';
import { type Plan, planSource } from '../../runtime/dicom/codecs/plan.js';
import { type Rewrite, rewriteDataset } from '../../runtime/dicom/codecs/rewrite.js';
import { type Encoding, encodingOf, isPrivateTag } from '../../runtime/dicom/codecs/walker.js';
import { dataset, setElement } from '../../runtime/dicom/dataset/dataset.js';
import { decodeDataset } from '../../runtime/dicom/dataset/decode.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { encodeFileMeta } from '../../runtime/dicom/dataset/file-meta.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import { scratch } from '../helpers/dicom.js';
import { runTool } from '../helpers/peers.js';
import { pixelsOf, SECONDARY_CAPTURE } from '../helpers/pixels.js';

const test = suite('codecs-rewrite');
const folder = scratch();
const SYNTAX = { implicit: '1.2.840.10008.1.2', explicit: '1.2.840.10008.1.2.1', big: '1.2.840.10008.1.2.2' };
const NAMES = Object.keys(SYNTAX) as (keyof typeof SYNTAX)[];
const DCMCONV = { implicit: '+ti', explicit: '+te', big: '+tb' };

/** Every VR with a byte order, nested sequences, registered and unknown private elements. */
function specimen() {
  const code = dataset({ CodeValue: 'X1', CodingSchemeDesignator: '99T', CodeMeaning: 'meaning' });
  const ds = dataset({
    SOPClassUID: SECONDARY_CAPTURE,
    SOPInstanceUID: '1.2.3.4',
    StudyInstanceUID: '1.2.3',
    SeriesInstanceUID: '1.2.3.1',
    PatientName: 'Order^Byte',
    Rows: 37,
    Columns: 41,
    BitsAllocated: 16,
    BitsStored: 16,
    HighBit: 15,
    SamplesPerPixel: 1,
    PixelRepresentation: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    SmallestImagePixelValue: -5,
    ImageType: ['ORIGINAL', 'PRIMARY'],
    ReferencedImageSequence: [
      dataset({
        ReferencedSOPClassUID: '1.2',
        ReferencedSOPInstanceUID: '1.2.3',
        PurposeOfReferenceCodeSequence: code,
      }),
      dataset({}),
    ],
    AcquisitionContextSequence: [dataset({ NumericValue: '1.5' })],
    RecommendedDisplayFrameRateInFloat: 1.25,
  });
  setElement(ds, 'SmallestImagePixelValue', 'SS', [-5]);
  setElement(ds, '00189306', 'FD', [2.5, -1]); // Single Collimation Width
  setElement(ds, '00720052', 'AT', ['00100010', '00100020']);
  setElement(ds, '00280009', 'AT', ['00181063']);
  setElement(ds, '60003000', 'OW', [Buffer.from([1, 2, 3, 4, 5, 6])]);
  setElement(ds, '00290010', 'LO', ['SIEMENS CSA HEADER']);
  setElement(ds, '00291010', 'OB', [Buffer.from([9, 8, 7, 6])]);
  setElement(ds, 'PixelData', 'OW', [pixelsOf({ bits: 16, signed: true })]);
  return ds;
}

async function start(): Promise<string> {
  const path = join(folder, 'start.dcm');
  const object = { sopClassUid: SECONDARY_CAPTURE, sopInstanceUid: '1.2.3.4', transferSyntax: SYNTAX.explicit };
  await writeFile(path, Buffer.concat([encodeFileMeta(object), encodeDataset(specimen(), SYNTAX.explicit)]));
  return path;
}

async function bytesOf(path: string): Promise<Buffer> {
  const { datasetOffset } = await readFileMeta(path);
  return (await readFile(path)).subarray(datasetOffset);
}

async function collect(plan: Plan): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of plan.chunks()) parts.push(chunk);
  const whole = Buffer.concat(parts);
  assert.is(whole.length, plan.length);
  return whole;
}

async function rewritten(bytes: Buffer, from: Encoding, more: Partial<Rewrite> = {}): Promise<Buffer> {
  return collect(await rewriteDataset(memoryBytes(bytes), { from, to: from, ...more }));
}

test('all nine ways between implicit, explicit and big endian give the bytes of dcmconv', async () => {
  const path = await start();
  const files = {} as Record<keyof typeof SYNTAX, Buffer>;
  for (const name of NAMES) {
    const out = join(folder, `${name}.dcm`);
    const run = await runTool('dcmconv', [DCMCONV[name], '+e', '-g', path, out]);
    assert.is(run.code, 0, run.output);
    files[name] = await bytesOf(out);
  }
  for (const from of NAMES) {
    for (const to of NAMES) {
      const ours = await rewritten(files[from], encodingOf(SYNTAX[from]), { to: encodingOf(SYNTAX[to]) });
      assert.ok(ours.equals(files[to]), `${from} to ${to}`);
    }
  }
});

test('sequences of undefined length stay so, with delimiters in the new byte order', async () => {
  const path = await start();
  const open = {} as Record<keyof typeof SYNTAX, Buffer>;
  for (const name of NAMES) {
    const out = join(folder, `${name}-open.dcm`);
    assert.is((await runTool('dcmconv', [DCMCONV[name], '-e', '-g', path, out])).code, 0);
    open[name] = await bytesOf(out);
  }
  for (const from of NAMES) {
    for (const to of NAMES) {
      const ours = await rewritten(open[from], encodingOf(SYNTAX[from]), { to: encodingOf(SYNTAX[to]) });
      assert.ok(ours.equals(open[to]), `${from} to ${to}`);
    }
  }
});

test('what nothing touches is the same byte for byte, odd things and all', async () => {
  const odd = Buffer.concat([
    raw('00080060', 'CS', Buffer.from('OT ')), // odd length
    unknownSequence(),
    raw('00291001', 'UN', Buffer.from('abc')),
    raw('FFFCFFFC', 'OB', Buffer.alloc(10)),
  ]);
  assert.ok((await rewritten(odd, encodingOf(SYNTAX.explicit))).equals(odd));
  const changed = await rewritten(odd, encodingOf(SYNTAX.explicit), { keeps: ({ tag }) => tag !== 0x00291001 });
  assert.ok(changed.equals(Buffer.concat([odd.subarray(0, odd.length - 37), odd.subarray(odd.length - 22)])));
});

/** An explicit element with exactly this value, odd or not. */
function raw(tag: string, vr: string, value: Buffer): Buffer {
  const isLong = ['OB', 'UN', 'SQ', 'OW'].includes(vr);
  const header = Buffer.alloc(isLong ? 12 : 8);
  header.writeUInt16LE(Number.parseInt(tag.slice(0, 4), 16), 0);
  header.writeUInt16LE(Number.parseInt(tag.slice(4), 16), 2);
  header.write(vr, 4, 'latin1');
  if (isLong) header.writeUInt32LE(value.length, 8);
  else header.writeUInt16LE(value.length, 6);
  return Buffer.concat([header, value]);
}

/** UN of undefined length: a sequence in implicit little endian, whatever is around it. */
function unknownSequence(): Buffer {
  const item = encodeDataset(dataset({ CodeValue: 'IMPL' }), SYNTAX.implicit);
  const out = Buffer.concat([raw('00291000', 'UN', Buffer.alloc(0)), mark(0xe000, 0xffffffff), item]);
  out.writeUInt32LE(0xffffffff, 8);
  return Buffer.concat([out, mark(0xe00d, 0), mark(0xe0dd, 0)]);
}

function mark(element: number, length: number): Buffer {
  const bytes = Buffer.from([0xfe, 0xff, 0, 0, 0, 0, 0, 0]);
  bytes.writeUInt16LE(element, 2);
  bytes.writeUInt32LE(length, 4);
  return bytes;
}

test('an unknown sequence keeps its implicit content in every encoding', async () => {
  const explicit = Buffer.concat([raw('00080060', 'CS', Buffer.from('OT')), unknownSequence()]);
  const [from, implicit] = [encodingOf(SYNTAX.explicit), encodingOf(SYNTAX.implicit)];
  const asImplicit = await rewritten(explicit, from, { to: implicit });
  assert.is(String(decodeDataset(asImplicit, SYNTAX.implicit)['00080060']?.Value[0]), 'OT');
  assert.ok((await rewritten(asImplicit, implicit, { to: from })).equals(explicit));
});

test('elements are set, inserted in order and left out at any depth; lengths around them are right', async () => {
  const from = encodingOf(SYNTAX.explicit);
  const bytes = encodeDataset(specimen(), SYNTAX.explicit);
  const item: NewElement[] = [textElement(0x00081155, 'UI', '1.9.9')];
  const changes: Partial<Rewrite> = {
    keeps: ({ tag, depth }) => !(depth > 0 && tag === 0x00080104) && !isPrivateTag(tag),
    set: [textElement(0x00080018, 'UI', '9.9.9.9.9'), textElement(0x00204000, 'LT', 'odd')],
    append: new Map([
      [0x00081140, item],
      [0x00082112, item],
    ]),
  };
  const ds = decodeDataset(await rewritten(bytes, from, changes), SYNTAX.explicit);
  const expected = specimen();
  assert.is(String(ds['00080018']?.Value[0]), '9.9.9.9.9');
  assert.is(String(ds['00204000']?.Value[0]), 'odd');
  assert.is(ds['00081140']?.Value.length, 3);
  assert.is(ds['00082112']?.Value.length, 1);
  assert.is(ds['00290010'], undefined);
  assert.not.match(JSON.stringify(ds['00081140']), /meaning/);
  assert.equal(
    ds['7FE00010']?.Value.map((value) => Buffer.from(value as Uint8Array)),
    expected['7FE00010']?.Value,
  );
});

test('a value too long for its VR becomes UN; signed pixels make signed VRs', async () => {
  const implicit = encodingOf(SYNTAX.implicit);
  const ds = dataset({ PixelRepresentation: 1, ImageComments: 'x'.repeat(70_000) });
  setElement(ds, '00280106', 'SS', [-3]);
  const bytes = encodeDataset(ds, SYNTAX.implicit);
  const out = decodeDataset(await rewritten(bytes, implicit, { to: encodingOf(SYNTAX.explicit) }), SYNTAX.explicit);
  assert.is(out['00204000']?.vr, 'UN');
  assert.equal(out['00280106'], { vr: 'SS', Value: [-3] });
});

test('a file is read by windows, and sent from, to the same end', async () => {
  const path = await start();
  const { datasetOffset, size } = await readFileMeta(path);
  const handle = await open(path);
  const to = encodingOf(SYNTAX.big);
  const from = encodingOf(SYNTAX.explicit);
  try {
    const plan = await rewriteDataset(fileBytes(handle, datasetOffset, size), { from, to });
    const source = planSource(plan);
    const parts: Buffer[] = [];
    for (let left = source.length; left > 0; ) {
      const views = [Buffer.alloc(Math.min(left, 7)), Buffer.alloc(Math.max(0, Math.min(left - 7, 1000)))];
      await source.read(views);
      parts.push(...views);
      left -= views.reduce((sum, view) => sum + view.length, 0);
    }
    const expected = await rewritten(await bytesOf(path), from, { to });
    assert.ok(Buffer.concat(parts).equals(expected));
  } finally {
    await handle.close();
  }
});

test('damaged datasets end as data errors or as datasets, never otherwise', async () => {
  const sources = await Promise.all(
    NAMES.map(async (name) => {
      const whole = encodeDataset(specimen(), SYNTAX.explicit);
      return { name, bytes: await rewritten(whole, encodingOf(SYNTAX.explicit), { to: encodingOf(SYNTAX[name]) }) };
    }),
  );
  const damage = fc.record({
    source: fc.nat(2),
    to: fc.constantFrom(...NAMES),
    cut: fc.nat(1500),
    flips: fc.array(fc.tuple(fc.nat(900), fc.nat(255)), { minLength: 1, maxLength: 5 }),
  });
  let refused = 0;
  const property = fc.asyncProperty(damage, async ({ source, to, cut, flips }) => {
    const { name, bytes } = sources[source]!;
    const broken = Buffer.from(cut < 900 ? bytes : bytes.subarray(0, cut));
    for (const [at, value] of flips) broken[at % broken.length] = value;
    try {
      await rewritten(broken, encodingOf(SYNTAX[name]), { to: encodingOf(SYNTAX[to]) });
    } catch (error) {
      refused++;
      assert.ok(error instanceof ScannerError && ['data', 'limit'].includes(error.kind), String(error));
    }
  });
  await fc.assert(property, { numRuns: 10_000, seed: 5 });
  assert.ok(refused > 1000, `${refused} refused`);
});

test.run();
