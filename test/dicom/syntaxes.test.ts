/** What the storage SCU offers and converts, towards storescp set to take this or that, with DCMTK's decoders as judges. */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CodecPool } from '../../runtime/dicom/codecs/pool.js';
import { items, text, texts } from '../../runtime/dicom/dataset/dataset.js';
import { type FileMeta, readFileMeta, readHeader } from '../../runtime/dicom/dataset/header.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { STORAGE_CLASSES, type SyntaxLists } from '../../runtime/dicom/storage-classes.js';
import { type Asked, syntaxHooks } from '../../runtime/network/syntaxes.js';
import { clock, log, scratch, scu } from '../helpers/dicom.js';
import { enterPrivateNetwork } from '../helpers/namespace.js';
import { runTool, startStorescp } from '../helpers/peers.js';
import { datasetBytes, makeImage, type PixelShape, SECONDARY_CAPTURE } from '../helpers/pixels.js';

enterPrivateNetwork();

const test = suite('syntaxes offered');
const folder = scratch();
const codecs = new CodecPool({ clock, log });
test.after(() => codecs.close());
const [IMPLICIT, EXPLICIT, BIG] = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2'];
const [BASELINE, EXTENDED, LOSSLESS] = ['1.2.840.10008.1.2.4.50', '1.2.840.10008.1.2.4.51', '1.2.840.10008.1.2.4.70'];
const PET = '1.2.840.10008.5.1.4.1.1.128';

function hooks(asked: Asked, lists?: SyntaxLists) {
  return syntaxHooks({ asked, codecs, folder, lists });
}

function metaOf(transferSyntax: string, sopClassUid = SECONDARY_CAPTURE): FileMeta {
  return { meta: {}, sopClassUid, sopInstanceUid: '1.2.3', transferSyntax, datasetOffset: 0, size: 0 };
}

test('quality factor and compression types decide which lists are proposed', () => {
  const uncompressed = [EXPLICIT, IMPLICIT, BIG];
  const lossy = [EXTENDED, BASELINE];
  const table: [Asked, string[]][] = [
    [{ qualityFactor: 0 }, uncompressed],
    [{ qualityFactor: 100 }, [LOSSLESS, ...uncompressed]],
    [{ qualityFactor: 1 }, [...lossy, ...uncompressed]],
    [{ qualityFactor: 99 }, [...lossy, ...uncompressed]],
    [{ compressionTypes: 0 }, uncompressed],
    [{ compressionTypes: 1 }, [...lossy, ...uncompressed]],
    [{ compressionTypes: 2 }, [LOSSLESS, ...uncompressed]],
    [{ compressionTypes: 3 }, [LOSSLESS, ...lossy, ...uncompressed]],
    [{ compressionTypes: 4 }, uncompressed],
  ];
  for (const [asked, expected] of table) assert.equal(hooks(asked).offer(metaOf(EXPLICIT)), expected);
});

test('lossy objects are offered in their own syntax only; classes without pixels never compressed', () => {
  const all = hooks({ compressionTypes: 3 });
  for (const lossy of [BASELINE, EXTENDED, '1.2.840.10008.1.2.4.91', '1.2.840.10008.1.2.4.81']) {
    assert.equal(all.offer(metaOf(lossy)), [lossy]);
  }
  for (const { uid, kind } of STORAGE_CLASSES.filter(({ scu: isScu }) => isScu)) {
    const offered = all.offer(metaOf(BIG, uid));
    if (kind === 'data') assert.equal(offered, [BIG, EXPLICIT, IMPLICIT]);
    else assert.ok(offered.includes(LOSSLESS) && offered.includes(BIG), uid);
  }
});

test('what is compressed without loss is offered as it is, then uncompressed; lists are configurable', () => {
  assert.equal(hooks({ qualityFactor: 0 }).offer(metaOf(LOSSLESS)), [LOSSLESS, EXPLICIT, IMPLICIT, BIG]);
  const lists = { uncompressed: [IMPLICIT], lossless: [LOSSLESS], lossy: [BASELINE] };
  const implicitOnly = syntaxHooks({ asked: { qualityFactor: 0 }, codecs, folder, lists });
  assert.equal(implicitOnly.offer(metaOf(EXPLICIT)), [IMPLICIT]);
  assert.equal(implicitOnly.offer(metaOf('1.2.840.10008.1.2.4.80')), ['1.2.840.10008.1.2.4.80']);
});

let peers = 0;

/** Sends files to a storescp started with `args`. @returns what it stored, by the path sent */
async function sent(
  args: string[],
  asked: Asked,
  paths: string[],
  lists?: SyntaxLists,
): Promise<{ stored: string[]; uids: (string | undefined)[] }> {
  const into = join(folder, `scp${peers++}`);
  mkdirSync(into);
  const peer = await startStorescp({ folder: into, args: ['+B', ...args] });
  const results = await storeFiles({ ...scu(peer.node), ...hooks(asked, lists) }, paths);
  for (const { outcome, error } of results) assert.is(outcome, 'stored', error?.message);
  await peer.stop();
  const names = readdirSync(into);
  const stored = results.map(({ sopInstanceUid, sentSopInstanceUid }) =>
    join(into, names.find((name) => name.includes(sentSopInstanceUid ?? sopInstanceUid!))!),
  );
  return { stored, uids: results.map(({ sentSopInstanceUid }) => sentSopInstanceUid) };
}

async function decoded(path: string): Promise<Buffer> {
  const run = await runTool('dcmdjpeg', [path, `${path}.plain`]);
  assert.is(run.code, 0, run.output);
  return pixelBytes(`${path}.plain`);
}

async function pixelBytes(path: string): Promise<Buffer> {
  const { dataset } = await readHeader(path);
  const { Value, bulk } = dataset['7FE00010']!;
  if (!bulk) return Buffer.from(Value[0] as Uint8Array);
  return readFileSync(path).subarray(bulk.offset, bulk.offset + bulk.length!);
}

const SHAPES: PixelShape[] = [
  {},
  { bits: 16, stored: 12, frames: 3 },
  { bits: 16, signed: true },
  { photometric: 'RGB' },
  { bits: 16, stored: 12, rows: 700, columns: 700, frames: 12 },
];

test('storescp that takes lossless JPEG gets it when it is asked for, and decodes the original', async () => {
  const made = await Promise.all(SHAPES.map((shape) => makeImage(folder, shape)));
  const paths = made.map(({ path }) => path);
  const { stored, uids } = await sent(['+xs'], { qualityFactor: 100 }, paths);
  for (const [i, path] of stored.entries()) {
    assert.is((await readFileMeta(path)).transferSyntax, LOSSLESS);
    assert.is(uids[i], undefined);
    assert.ok((await decoded(path)).subarray(0, made[i]!.pixels.length).equals(made[i]!.pixels), `shape ${i}`);
  }
  const plain = await sent(['+xs'], { qualityFactor: 0 }, paths);
  for (const [i, path] of plain.stored.entries()) {
    assert.ok((await datasetBytes(path)).equals(await datasetBytes(paths[i]!)), 'as it is when nothing is asked for');
  }
});

test('signed PET is never compressed, unsigned PET is', async () => {
  const signed = await makeImage(folder, { bits: 16, signed: true }, { sopClassUid: PET });
  const unsigned = await makeImage(folder, { bits: 16 }, { sopClassUid: PET });
  const { stored } = await sent(['+xs'], { compressionTypes: 2 }, [signed.path, unsigned.path]);
  const syntaxes = await Promise.all(stored.map(async (path) => (await readFileMeta(path)).transferSyntax));
  assert.equal(syntaxes, [EXPLICIT, LOSSLESS]);
});

test('a lossy image is a new object that says what it is; 12 bits, for which there is no encoder, go uncompressed', async () => {
  const made = [await makeImage(folder, {}), await makeImage(folder, { photometric: 'RGB' })];
  const deep = await makeImage(folder, { bits: 16, stored: 12 });
  const { stored, uids } = await sent(['+xy'], { qualityFactor: 80 }, [...made.map(({ path }) => path), deep.path]);
  assert.is(uids[2], undefined);
  assert.ok((await datasetBytes(stored[2]!)).equals(await datasetBytes(deep.path)));
  for (const [i, { sopInstanceUid, pixels }] of made.entries()) {
    const { dataset: ds, transferSyntax, sopInstanceUid: uid } = await readHeader(stored[i]!);
    assert.is(transferSyntax, BASELINE);
    assert.is(uid, uids[i]);
    assert.is(text(ds, 'SOPInstanceUID'), uid);
    assert.is.not(uid, sopInstanceUid);
    assert.equal(texts(ds, 'ImageType').slice(0, 2), ['DERIVED', 'PRIMARY']);
    assert.is(text(ds, 'LossyImageCompression'), '01');
    assert.is(text(ds, 'LossyImageCompressionMethod'), 'ISO_10918_1');
    assert.ok(Number(text(ds, 'LossyImageCompressionRatio')) > 1);
    assert.is(text(items(ds, 'SourceImageSequence')[0]!, 'ReferencedSOPInstanceUID'), sopInstanceUid);
    assert.is(text(items(ds, 'DerivationCodeSequence')[0]!, 'CodeValue'), '113040');
    const back = await decoded(stored[i]!);
    const error = pixels.reduce((sum, value, at) => sum + Math.abs(value - back[at]!), 0) / pixels.length;
    assert.ok(error > 0 && error < 8, String(error));
  }
  const again = await sent(['+xy'], { qualityFactor: 80 }, [made[0]!.path]);
  assert.is(again.uids[0], uids[0]);
});

test('lossless JPEG and RLE go decoded to a storescp that takes nothing coded, in the byte order that it takes', async () => {
  for (const shape of SHAPES.slice(0, 4)) {
    const made = await makeImage(folder, shape);
    const [jpeg, rle, big] = [`${made.path}.70`, `${made.path}.rle`, `${made.path}.bigger`];
    assert.is((await runTool('dcmcjpeg', ['+e1', made.path, jpeg])).code, 0);
    assert.is((await runTool('dcmcrle', [made.path, rle])).code, 0);
    assert.is((await runTool('dcmconv', ['+tb', made.path, big])).code, 0);
    for (const path of [jpeg, rle]) {
      for (const [option, syntax] of [
        ['+xi', IMPLICIT],
        ['+xb', BIG],
      ] as const) {
        const only = { uncompressed: [syntax], lossless: [], lossy: [] };
        const [stored] = (await sent([option], { qualityFactor: 0 }, [path], only)).stored;
        assert.is((await readFileMeta(stored!)).transferSyntax, syntax);
        const expected = await pixelBytes(syntax === BIG ? big : made.path);
        assert.ok((await pixelBytes(stored!)).equals(expected), `${option} ${path}`);
      }
    }
  }
});

test('big endian and implicit files reach peers of the other kind with the values they have', async () => {
  const made = await makeImage(folder, { bits: 16, stored: 12, frames: 3 });
  const big = `${made.path}.big`;
  assert.is((await runTool('dcmconv', ['+tb', '-g', made.path, big])).code, 0);
  const [asImplicit] = (await sent(['+xi'], { qualityFactor: 0 }, [big])).stored;
  const reference = `${made.path}.implicit`;
  assert.is((await runTool('dcmconv', ['+ti', '-g', made.path, reference])).code, 0);
  assert.ok((await datasetBytes(asImplicit!)).equals(await datasetBytes(reference)));
  const [asLossless] = (await sent(['+xs'], { qualityFactor: 100 }, [big])).stored;
  assert.is((await readFileMeta(asLossless!)).transferSyntax, LOSSLESS);
  assert.ok((await decoded(asLossless!)).equals(await pixelBytes(made.path)));
});

test('coded pixels that are broken leave the file unsent with the reason, and the rest goes', async () => {
  const made = await makeImage(folder, {});
  const rle = `${made.path}.rle`;
  assert.is((await runTool('dcmcrle', [made.path, rle])).code, 0);
  const bytes = readFileSync(rle);
  bytes.fill(0x81, bytes.length - 700, bytes.length - 8);
  writeFileSync(rle, bytes);
  const good = await makeImage(folder, {});
  const into = join(folder, 'broken');
  const peer = await startStorescp({ folder: into, args: ['+xi'] });
  const asked = hooks({ qualityFactor: 0 });
  const results = await storeFiles({ ...scu(peer.node), ...asked }, [good.path, rle]);
  assert.is(results[0]!.outcome, 'stored');
  assert.is.not(results[1]!.outcome, 'stored');
  assert.ok(results[1]!.error);
  await peer.stop();
});

test.run();
