/** Files that stand ready for objects: as many as a burst asked for, and what a power failure leaves of them. */

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ManualClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import { openArchive } from '../../runtime/archive/open.js';
import { text } from '../../runtime/dicom/dataset/dataset.js';
import { encodeDataset } from '../../runtime/dicom/dataset/encode.js';
import { PreparedFiles, recoverPrepared } from '../../runtime/dicom/dataset/prepared-files.js';
import { storeFiles } from '../../runtime/dicom/services/store-scu.js';
import { assertSound, images, part10 } from '../helpers/archive-objects.js';
import { CT_IMAGE, clock, EXPLICIT, log, scu } from '../helpers/dicom.js';
import { associateRq, commandPdu, pdv, RawPeer } from '../helpers/raw-peer.js';
import { startReceiver } from '../helpers/receiver.js';

const test = suite('prepared files');
const STEP = 64 * 1024;
let folder: string;

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'petrig-prepared-'));
});
test.after.each(() => rmSync(folder, { recursive: true }));

function make(maxBytes = 1 << 24) {
  const clock = new ManualClock(1_750_000_000_000);
  return { clock, files: new PreparedFiles({ folder, maxBytes, clock, log: silentLog }) };
}

async function burst({ clock, files }: ReturnType<typeof make>, count: number, bytes: number): Promise<number> {
  let found = 0;
  for (let i = 0; i < count; i++) {
    const file = files.take();
    if (file) rmSync(file.path);
    if (file) found++;
    files.used(bytes);
  }
  clock.advance(1000);
  await files.settled();
  return found;
}

/** The layout of native/net/sink.cc, with the CRC-32C of "123456789" as RFC 3720 has it. */
function tail(size: number, crc = 0xe3069283): Buffer {
  const bytes = Buffer.alloc(24);
  bytes.write('PETRIGPF', 0, 'latin1');
  bytes.writeBigUInt64LE(BigInt(size), 8);
  bytes.writeUInt32LE(crc, 16);
  bytes.write('FPGR', 20, 'latin1');
  return bytes;
}

test('the first burst finds none, the next one as many as the first asked for', async () => {
  const made = make();
  assert.is(await burst(made, 20, 3 * STEP), 0);
  assert.is(made.files.count, 20);
  const [first] = readdirSync(folder);
  assert.is(statSync(join(folder, first!)).size, 4 * STEP, 'with room behind the content');
  assert.ok(readFileSync(join(folder, first!)).every((byte) => byte === 0));
  assert.is(await burst(made, 30, 3 * STEP), 20);
  assert.is(made.files.count, 30);
  await made.files.close();
  assert.equal(readdirSync(folder), []);
});

test('they never take more than their room, and give it back when nothing comes', async () => {
  const made = make(10 * 2 * STEP);
  await burst(made, 50, STEP);
  assert.is(made.files.count, 10);
  made.clock.advance(700_000);
  for (let i = 0; i < 100 && readdirSync(folder).length > 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(readdirSync(folder), []);
  assert.is(made.files.take(), undefined);
  await made.files.close();
});

test('without room there are none', async () => {
  const made = make(0);
  await burst(made, 5, STEP);
  assert.is(made.files.count, 0);
  await made.files.close();
});

test('objects longer than the burst before are followed by longer files', async () => {
  const made = make();
  await burst(made, 4, STEP);
  await burst(made, 4, 5 * STEP);
  assert.ok(readdirSync(folder).every((name) => statSync(join(folder, name)).size === 6 * STEP));
  await made.files.close();
});

test('a folder that cannot be written leaves objects to the plain way', async () => {
  const clock = new ManualClock(1_750_000_000_000);
  writeFileSync(join(folder, 'file'), '');
  const files = new PreparedFiles({ folder: join(folder, 'file', 'x'), maxBytes: 1 << 20, clock, log: silentLog });
  await burst({ clock, files }, 3, STEP);
  assert.is(files.take(), undefined);
  await files.close();
});

test('after a power failure whole contents are cut to their length, anything else is removed', async () => {
  const content = Buffer.from('123456789', 'latin1');
  const rest = Buffer.alloc(5000);
  const cases: Record<string, Buffer> = {
    whole: Buffer.concat([content, tail(9), rest]),
    unused: rest,
    'no tail': Buffer.concat([content, rest]),
    'another byte': Buffer.concat([Buffer.from('123456780', 'latin1'), tail(9), rest]),
    'another length': Buffer.concat([content, tail(8), rest]),
    'half a tail': Buffer.concat([content, tail(9).subarray(0, 15), rest]),
    empty: Buffer.alloc(0),
  };
  for (const [name, bytes] of Object.entries(cases)) writeFileSync(join(folder, name), bytes);
  assert.equal(await recoverPrepared(folder), [join(folder, 'whole')]);
  assert.equal(readdirSync(folder), ['whole']);
  assert.equal(readFileSync(join(folder, 'whole')), content);
  assert.not.ok(existsSync(join(folder, 'unused')));
});

/** CRC-32C, a bit at a time. */
function crc(bytes: Buffer): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (sum & 1 ? 0x82f63b78 : 0);
  }
  return ~sum >>> 0;
}

test('an archive that opens after a power failure takes up the object in a prepared file', async () => {
  const [object] = images(1, 40_000);
  const bytes = part10(object!);
  const ready = join(folder, 'prepared');
  mkdirSync(ready, { recursive: true });
  writeFileSync(join(ready, 'a'), Buffer.concat([bytes, tail(bytes.length, crc(bytes)), Buffer.alloc(9000)]));
  writeFileSync(join(ready, 'b'), Buffer.concat([bytes, tail(bytes.length, 1), Buffer.alloc(9000)]));
  const archive = await openArchive({ root: folder, clock, log });
  assert.is(await assertSound(folder, archive), 1);
  const [instance] = await archive.instances();
  assert.equal(readFileSync(instance!.file), bytes);
  assert.equal(readdirSync(ready), []);
  await archive.close();
});

test('objects go through prepared files byte for byte: those that fit, nearly fit and do not fit', async () => {
  const ready = join(folder, 'ready');
  const prepared = new PreparedFiles({ folder: ready, maxBytes: 1 << 24, clock, log });
  const receiver = await startReceiver({ prepared });
  try {
    for (const sizes of [
      [600_000, 590_000, 580_000],
      [600_000, 660_000, 1_500_000, 570_000],
    ]) {
      const objects = sizes.flatMap((size) => images(1, size));
      const paths = objects.map((object, i) => {
        const path = join(folder, `${i}.dcm`);
        writeFileSync(path, part10(object));
        return path;
      });
      const results = await storeFiles(scu(receiver.node), paths);
      assert.ok(results.every(({ outcome }) => outcome === 'stored'));
      for (const { dataset } of objects) {
        const got = await receiver.dataset(text(dataset, 'SOPInstanceUID')!);
        assert.ok(got.equals(encodeDataset(dataset, EXPLICIT)));
      }
      if (existsSync(ready)) assert.is(readdirSync(ready).length, prepared.count, 'the used ones are gone');
      await new Promise((resolve) => setTimeout(resolve, 400));
      await prepared.settled();
      assert.is(prepared.count, sizes.length);
    }
  } finally {
    await receiver.close();
    await prepared.close();
  }
});

test('a sender that breaks off leaves no prepared file behind', async () => {
  const ready = join(folder, 'ready');
  const prepared = new PreparedFiles({ folder: ready, maxBytes: 1 << 24, clock, log });
  const receiver = await startReceiver({ prepared });
  const path = join(folder, 'one.dcm');
  writeFileSync(path, part10(images(1, 600_000)[0]!));
  await storeFiles(scu(receiver.node), [path]);
  await new Promise((resolve) => setTimeout(resolve, 400));
  await prepared.settled();
  assert.is(prepared.count, 1);
  const peer = await RawPeer.connect(receiver.node.port);
  peer.send(associateRq({ 1: CT_IMAGE }, { calledAe: receiver.node.aeTitle }));
  assert.is((await peer.next()).type, 2);
  const store = { CommandField: 1, MessageID: 1, AffectedSOPClassUID: CT_IMAGE, AffectedSOPInstanceUID: '1.2.3' };
  peer.send(commandPdu(1, store, true));
  for (let i = 0; i < 20; i++) peer.send(pdv(1, Buffer.alloc(16_000), { command: false, last: false }));
  for (let i = 0; i < 200 && prepared.count > 0; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.is(prepared.count, 0);
  peer.end();
  for (let i = 0; i < 200 && readdirSync(ready).length > 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal(readdirSync(ready), []);
  await receiver.close();
  await prepared.close();
});

test('a folder that was never made holds nothing', async () => {
  assert.equal(await recoverPrepared(join(folder, 'none')), []);
});

test.run();
