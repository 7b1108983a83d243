/** Pixel codecs against DCMTK's: what it codes we decode to the same bytes, what we code it decodes; broken streams end as data errors. */

import { open, readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScannerError } from '../../hal/base/errors.js';
import { fileBytes, memoryBytes } from '../../runtime/dicom/codecs/bytes.js';
import { BASELINE_JPEG, canEncode, decodeFrame, encodeFrame, LOSSLESS_JPEG } from '../../runtime/dicom/codecs/codec.js';
import { frameBytes, type PixelFormat, pixelFormat } from '../../runtime/dicom/codecs/format.js';
import { encapsulatedFrames } from '../../runtime/dicom/codecs/frames.js';
import { CodecPool } from '../../runtime/dicom/codecs/pool.js';
import { encapsulate } from '../../runtime/dicom/dataset/bulk.js';
import { dataset, setElement } from '../../runtime/dicom/dataset/dataset.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { writePart10File } from '../../runtime/dicom/dataset/part10.js';
import { clock, log, scratch } from '../helpers/dicom.js';
import { runTool } from '../helpers/peers.js';
import { makeImage, type PixelShape, pixelsOf, SECONDARY_CAPTURE } from '../helpers/pixels.js';

const test = suite('codecs');
const folder = scratch();
const pool = new CodecPool({ clock, log });
test.after(() => pool.close());

const SHAPES: Record<string, PixelShape> = {
  '8 bit': {},
  '12 bit': { bits: 16, stored: 12 },
  '16 bit': { bits: 16 },
  'signed 16 bit': { bits: 16, signed: true },
  'signed 12 bit': { bits: 16, stored: 12, signed: true },
  'overlay bits': { bits: 16, stored: 12, spare: true },
  'colour by pixel': { photometric: 'RGB' },
  'colour by plane': { photometric: 'RGB', planar: true },
  '5 frames': { bits: 16, stored: 12, frames: 5 },
};
const CODERS: Record<string, { coder: string[]; decoder: string; lossy?: boolean }> = {
  'RLE (.5)': { coder: ['dcmcrle'], decoder: 'dcmdrle' },
  'JPEG lossless SV1 (.70)': { coder: ['dcmcjpeg', '+e1'], decoder: 'dcmdjpeg' },
  'JPEG lossless (.57)': { coder: ['dcmcjpeg', '+el', '+sv', '4'], decoder: 'dcmdjpeg' },
  'JPEG baseline (.50)': { coder: ['dcmcjpeg', '+eb'], decoder: 'dcmdjpeg', lossy: true },
  'JPEG extended (.51)': { coder: ['dcmcjpeg', '+ee'], decoder: 'dcmdjpeg', lossy: true },
};

/** A file's pixels, decoded by us where they are coded. */
async function pixelsIn(path: string): Promise<{ pixels: Buffer; format: PixelFormat }> {
  const { dataset: ds, transferSyntax, size } = await readHeader(path);
  const format = pixelFormat(ds);
  const element = ds['7FE00010']!;
  if (!element.bulk || element.bulk.length !== undefined) {
    const whole = await readFile(path);
    const { offset, length } = element.bulk ?? { offset: -1, length: 0 };
    const pixels = offset < 0 ? Buffer.from(element.Value[0] as Uint8Array) : whole.subarray(offset, offset + length!);
    return { pixels: pixels.subarray(0, frameBytes(format) * format.frames), format };
  }
  const handle = await open(path);
  try {
    const frames: Uint8Array[] = [];
    let decoded = format;
    for await (const coded of encapsulatedFrames(fileBytes(handle, 0, size), element.bulk.offset, format.frames)) {
      const frame = await decodeFrame(pool, transferSyntax, format, coded);
      frames.push(frame.bytes);
      decoded = frame.format;
    }
    return { pixels: Buffer.concat(frames), format: decoded };
  } finally {
    await handle.close();
  }
}

for (const [name, { coder, decoder, lossy }] of Object.entries(CODERS)) {
  test(`${name} as DCMTK codes it decodes to the bytes that DCMTK decodes`, async () => {
    for (const [kind, shape] of Object.entries(SHAPES)) {
      const made = await makeImage(folder, shape);
      const coded = `${made.path}.coded`;
      const [tool, ...args] = coder as [string, ...string[]];
      const run = await runTool(tool, [...args, made.path, coded]);
      assert.is(run.code, 0, `${tool} ${kind}: ${run.output}`);
      assert.is((await runTool(decoder, [coded, `${coded}.plain`])).code, 0, kind);
      const ours = await pixelsIn(coded);
      const theirs = await pixelsIn(`${coded}.plain`);
      assert.ok(ours.pixels.equals(theirs.pixels), `${kind}: pixels`);
      assert.is(ours.format.photometricInterpretation, theirs.format.photometricInterpretation, kind);
      if (!lossy && shape.photometric !== 'RGB') assert.ok(ours.pixels.equals(made.pixels), `${kind}: original`);
    }
  });
}

/** A file with our coding of a shape. */
async function coded(shape: PixelShape, transferSyntax: string, quality?: number) {
  const made = await makeImage(folder, shape);
  const { dataset: ds } = await readHeader(made.path);
  const format = pixelFormat(ds);
  const size = frameBytes(format);
  const frames: Uint8Array[] = [];
  let photometric = format.photometricInterpretation;
  for (let i = 0; i < format.frames; i++) {
    const plain = made.pixels.subarray(i * size, (i + 1) * size);
    const frame = await encodeFrame(pool, transferSyntax, format, plain, quality);
    frames.push(frame.bytes);
    photometric = frame.photometricInterpretation;
  }
  setElement(ds, 'PhotometricInterpretation', 'CS', [photometric]);
  if (format.planar) setElement(ds, 'PlanarConfiguration', 'US', [0]);
  setElement(ds, 'PixelData', 'OB', []);
  const path = `${made.path}.coded`;
  await writePart10File(path, ds, transferSyntax, { bulk: { '7FE00010': encapsulate(frames) } });
  return { path, made, frames, format };
}

test('lossless JPEG of ours is what dcmdjpeg makes the original of, bit for bit', async () => {
  for (const [kind, shape] of Object.entries(SHAPES)) {
    const { path, made } = await coded(shape, LOSSLESS_JPEG);
    const run = await runTool('dcmdjpeg', [path, `${path}.plain`]);
    assert.is(run.code, 0, `${kind}: ${run.output}`);
    const { pixels, format } = await pixelsIn(`${path}.plain`);
    const expected = shape.planar ? pixelsOfPlanes(made.pixels, format) : made.pixels;
    assert.ok(pixels.equals(expected), kind);
  }
});

function pixelsOfPlanes(planes: Buffer, { rows, columns }: PixelFormat): Buffer {
  const out = Buffer.alloc(planes.length);
  for (let i = 0; i < rows * columns; i++) for (let s = 0; s < 3; s++) out[3 * i + s] = planes[s * rows * columns + i]!;
  return out;
}

test('baseline JPEG of ours decodes in dcmdjpeg close to the original, closer with more quality', async () => {
  for (const shape of [{}, { photometric: 'RGB' }] satisfies PixelShape[]) {
    const errors: number[] = [];
    for (const quality of [30, 95]) {
      const { path, made } = await coded(shape, BASELINE_JPEG, quality);
      assert.is((await runTool('dcmdjpeg', [path, `${path}.plain`])).code, 0);
      const { pixels, format } = await pixelsIn(`${path}.plain`);
      if (shape.photometric) assert.is(format.photometricInterpretation, 'RGB');
      errors.push(made.pixels.reduce((sum, value, i) => sum + Math.abs(value - pixels[i]!), 0) / pixels.length);
    }
    assert.ok(errors[1]! < errors[0]! && errors[1]! < 3 && errors[0]! < 40, JSON.stringify(errors));
  }
});

test('no encoder is claimed where there is none', () => {
  const format = pixelFormat(formatOf({ bits: 16, stored: 12 }));
  assert.is(canEncode('1.2.840.10008.1.2.4.51', format), false);
  assert.is(canEncode(BASELINE_JPEG, format), false);
  assert.is(canEncode(LOSSLESS_JPEG, format), true);
  assert.is(canEncode(BASELINE_JPEG, pixelFormat(formatOf({ photometric: 'PALETTE COLOR' }))), false);
});

function formatOf({ bits = 8, stored = bits, photometric = 'MONOCHROME2', frames = 1 }: PixelShape) {
  return dataset({
    SOPClassUID: SECONDARY_CAPTURE,
    Rows: 37,
    Columns: 41,
    BitsAllocated: bits,
    BitsStored: stored,
    SamplesPerPixel: photometric === 'RGB' ? 3 : 1,
    PhotometricInterpretation: photometric,
    NumberOfFrames: String(frames),
  });
}

test('JPEG 2000 comes back as it was, lossless', async () => {
  for (const shape of [{}, { bits: 16, stored: 12 }, { bits: 16, signed: true }] satisfies PixelShape[]) {
    const format = { ...pixelFormat(formatOf(shape)), signed: 'signed' in shape };
    const pixels = pixelsOf(shape);
    const request = { operation: 'encode' as const, codec: 'jpeg2000' as const, format, bytes: pixels };
    const { bytes } = await pool.run(request);
    const decoded = await decodeFrame(pool, '1.2.840.10008.1.2.4.90', format, bytes);
    assert.ok(pixels.equals(decoded.bytes));
    assert.ok(pixels.equals((await decodeFrame(pool, '1.2.840.10008.1.2.4.91', format, bytes)).bytes));
  }
});

function item(element: number, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const header = Buffer.from([0xfe, 0xff, element, 0xe0, 0, 0, 0, 0]);
  header.writeUInt32LE(body.length, 4);
  return Buffer.concat([header, body]);
}

test('frames in several fragments are found by the offset table, or by where streams start', async () => {
  const { frames } = await coded({ frames: 3 }, LOSSLESS_JPEG);
  const even = frames.map((frame) => Buffer.concat([frame, Buffer.alloc(frame.length & 1)]));
  const split = even.map((frame) => [item(0, frame.subarray(0, 400)), item(0, frame.subarray(400))]);
  const offsets = Buffer.alloc(12);
  let at = 0;
  for (const [i, parts] of split.entries()) {
    offsets.writeUInt32LE(at, 4 * i);
    at += parts.reduce((sum, part) => sum + part.length, 0);
  }
  for (const table of [item(0, offsets), item(0)]) {
    const bytes = Buffer.concat([table, ...split.flat(), item(0xdd)]);
    const found: Buffer[] = [];
    for await (const frame of encapsulatedFrames(memoryBytes(bytes), 0, 3)) found.push(frame);
    assert.equal(found, even);
  }
  const single = Buffer.concat([item(0), ...split[0]!, item(0xdd)]);
  for await (const frame of encapsulatedFrames(memoryBytes(single), 0, 1)) assert.equal(frame, even[0]);
});

test('fragments that lie are data errors', async () => {
  const drain = async (bytes: Buffer, frames: number) => {
    for await (const _ of encapsulatedFrames(memoryBytes(bytes), 0, frames));
  };
  const good = Buffer.concat([item(0), item(0, Buffer.alloc(10)), item(0xdd)]);
  const long = Buffer.from(good);
  long.writeUInt32LE(0xfffffffe, 12);
  for (const [bytes, frames] of [
    [good, 2],
    [long, 1],
    [good.subarray(0, 20), 1],
    [Buffer.concat([item(0), ...[1, 2, 3].map(() => item(0, Buffer.alloc(4))), item(0xdd)]), 2],
    [Buffer.alloc(64, 0xff), 1],
  ] as const) {
    try {
      await drain(bytes, frames);
      assert.unreachable();
    } catch (error) {
      assert.ok(error instanceof ScannerError && error.kind === 'data', String(error));
    }
  }
});

test('broken streams end as data errors, and the next good one decodes', async () => {
  const shape: PixelShape = { bits: 16, stored: 12 };
  const { frames, made, format } = await coded(shape, LOSSLESS_JPEG);
  const rle = await pool.run({ operation: 'encode', codec: 'rle', format, bytes: made.pixels });
  const seeds: Record<string, Uint8Array> = { [LOSSLESS_JPEG]: frames[0]!, '1.2.840.10008.1.2.5': rle.bytes };
  const mutation = fc.record({
    syntax: fc.constantFrom(...Object.keys(seeds)),
    cut: fc.double({ min: 0, max: 1, noNaN: true }),
    flips: fc.array(fc.tuple(fc.nat(4000), fc.nat(255)), { maxLength: 6 }),
  });
  let failed = 0;
  const property = fc.asyncProperty(mutation, async ({ syntax, cut, flips }) => {
    const good = seeds[syntax]!;
    const bytes = Buffer.from(cut < 0.5 ? good : good.subarray(0, Math.floor(good.length * cut)));
    for (const [at, value] of flips) if (bytes.length > 0) bytes[at % bytes.length] = value;
    try {
      const decoded = await decodeFrame(pool, syntax, format, bytes);
      assert.is(decoded.bytes.length, made.pixels.length);
    } catch (error) {
      failed++;
      assert.ok(error instanceof ScannerError && error.kind === 'data', String(error));
    }
  });
  await fc.assert(property, { numRuns: 120, seed: 11 });
  assert.ok(failed > 20, `${failed} of 120 were broken enough`);
  const again = await decodeFrame(pool, LOSSLESS_JPEG, format, frames[0]!);
  assert.ok(made.pixels.equals(again.bytes));
});

test('a stream of another image is refused before it is decoded', async () => {
  const { frames, format } = await coded({}, LOSSLESS_JPEG);
  for (const other of [{ rows: 38 }, { columns: 40 }, { samplesPerPixel: 3 }]) {
    try {
      await decodeFrame(pool, LOSSLESS_JPEG, { ...format, ...other }, frames[0]!);
      assert.unreachable();
    } catch (error) {
      assert.match((error as Error).message, /41 x 37 x 1 of 8 bits, expected/);
    }
  }
});

test('a frame that takes too long ends with its thread; closing ends what waits', async () => {
  const slow = new CodecPool({ clock, log, threads: 1, frameMs: 1 });
  const format = { ...pixelFormat(formatOf({})), rows: 4000, columns: 4000 };
  const request = { operation: 'encode' as const, codec: 'jpeg2000' as const, format, bytes: Buffer.alloc(16e6, 7) };
  await slow.run(request).then(
    () => assert.unreachable(),
    (error) => assert.is(error.code, 'timeout.stage'),
  );
  const waiting = [slow.run(request), slow.run(request)].map((run) => run.catch((error) => error.code as string));
  await slow.close();
  for (const code of await Promise.all(waiting)) assert.match(String(code), /^timeout\./);
});

test('what no codec takes is said with the attribute', () => {
  const wrong = (keyword: string, value: number | string) => () =>
    pixelFormat({ ...formatOf({}), ...dataset({ [keyword]: value }) });
  assert.throws(wrong('BitsAllocated', 12), /BitsAllocated: 12 is not 8 or 16/);
  assert.throws(wrong('SamplesPerPixel', 2), /SamplesPerPixel/);
  assert.throws(wrong('Rows', 0), /Rows/);
  assert.throws(wrong('NumberOfFrames', '-1'), /NumberOfFrames/);
  assert.throws(() => pixelFormat({ ...formatOf({}), ...dataset({ Rows: 65535, Columns: 65535 }) }), /limit/);
});

test.run();
