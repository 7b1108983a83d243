/** The burner over simulated discs: what was burned is read back, what broke off harms no older session, nothing is written twice. */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import type { BurnerFile, BurnSession } from '../../hal/contract/burner.js';
import { DiscBurner } from '../../runtime/media/burner/driver.js';
import { statusOf, XorrisoDrive } from '../../runtime/media/burner/xorriso-drive.js';
import { readDisc } from '../../runtime/media/read-disc.js';
import { SimulatedDisc } from '../../sim/devices/disc.js';
import { type Bench, burnBench, sessionOf } from '../helpers/burning.js';
import { testFolder } from '../helpers/petrig.js';

const test = suite('burner');
const SECTOR = 2048;
const root = testFolder('burner');

function folderOf(name: string): string {
  const folder = join(root, name);
  mkdirSync(folder);
  return folder;
}

async function benchWith(
  name: string,
  kind = 'CD-R 700',
  more: object = {},
): Promise<Bench & { image: string; folder: string }> {
  const folder = folderOf(name);
  const image = join(folder, 'disc.iso');
  const bench = burnBench(folder);
  await bench.drive.insert(image, { kind, ...more });
  return { ...bench, image, folder };
}

/** @returns code and words of the error */
async function refusal(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'none',
    (error: { code?: string; message: string }) => `${error.code}: ${error.message}`,
  );
}

/** As another program takes the file off the disc. */
function extracted(image: string, folder: string, { discPath }: BurnerFile): string {
  const to = join(folder, `out-${discPath.replaceAll('/', '-')}`);
  execFileSync('xorriso', ['-indev', `stdio:${image}`, '-osirrox', 'on', '-extract', `/${discPath}`, to], {
    stdio: 'ignore',
  });
  return createHash('sha256').update(readFileSync(to)).digest('hex');
}

/** Sessions 1 to `count`, each added to the one before; all files that the newest shows. */
async function burnSessions(
  { burner, folder }: { burner: DiscBurner; folder: string },
  count: number,
): Promise<BurnerFile[]> {
  const held = new Map<string, BurnerFile>();
  for (let number = 1; number <= count; number++) {
    const more: Partial<BurnSession> = { volumeId: 'SET', appendTo: number > 1 ? 'SET' : undefined };
    const session = sessionOf(folder, number, more);
    await burner.burn(session);
    for (const file of session.files) held.set(file.discPath, file);
    await burner.verify([...held.values()]);
  }
  return [...held.values()];
}

test('one, two and three sessions: our reader and xorriso find the bytes of all, and older sessions stay as they were', async () => {
  const bench = await benchWith('sessions');
  const { burner, drive, folder, image } = bench;
  const seen: string[] = [];
  const files = await burnSessions(bench, 3);
  for (const file of [files[0]!, files.at(-1)!, files[3]!]) assert.is(extracted(image, folder, file), file.sha256);
  assert.is(burner.state.sessions, 3);
  assert.is(burner.state.medium, 'appendable');
  for (const session of [1, 2, 3]) {
    const disc = await readDisc(image, { session });
    seen.push(String((await disc.list('DICOM')).length));
    await disc.close();
  }
  assert.equal(seen, ['1', '2', '3']);
  await drive.close();
});

test('a session costs its lead-out and the next lead-in', async () => {
  const { burner, drive, folder } = await benchWith('overhead');
  const before = (await burner.inspect()).freeBytes;
  await burner.burn(sessionOf(folder, 1));
  const { sessions, freeBytes } = burner.state;
  assert.is(sessions, 1);
  const written = ((await drive.status()).nextSector ?? 0) * SECTOR;
  // Orange Book: 90 s of lead-out, 60 s of lead-in and 2 s of pregap at 75 sectors/s
  assert.is(before - freeBytes, written + (6750 + 4650) * SECTOR);
  await drive.close();
});

test('the disc takes no sector twice', async () => {
  const { burner, drive, folder, image } = await benchWith('once');
  await burner.burn(sessionOf(folder, 1));
  const next = (await drive.status()).nextSector!;
  const session = readFileSync(image).subarray(32 * SECTOR, next * SECTOR);
  for (const startSector of [0, 32, next - 32, next + 32]) {
    const order = drive.record(
      { startSector, close: false },
      (async function* () {
        yield Buffer.alloc(SECTOR);
      })(),
    );
    assert.match(await refusal(order), `the disc goes on at ${next}`);
  }
  assert.ok(
    readFileSync(image)
      .subarray(32 * SECTOR, next * SECTOR)
      .equals(session),
  );
  await drive.close();
});

test('discs that take no session are refused by name', async () => {
  const rows = [
    ['unformatted', 'an unformatted disc'],
    ['closed', 'a disc that is not of DICOM'],
    ['foreign', 'a disc that is not of DICOM'],
  ] as const;
  for (const [condition, said] of rows) {
    const { burner, drive, folder } = await benchWith(condition, 'CD-R 650', { condition });
    assert.match(await refusal(burner.burn(sessionOf(folder, 1))), `operator.medium: the burner has ${said}`);
    await drive.close();
  }
  const { burner, drive, folder } = await benchWith('wrong');
  assert.match(await refusal(burner.burn(sessionOf(folder, 1, { medium: 'dvd' }))), 'has a CD-R 700');
  assert.match(await refusal(burner.burn(sessionOf(folder, 1, { appendTo: 'SET' }))), 'has a blank disc');
  await burner.burn(sessionOf(folder, 1, { close: true }));
  assert.is(burner.state.medium, 'closed');
  assert.match(await refusal(burner.burn(sessionOf(folder, 2, { appendTo: 'SET_1' }))), 'has a closed disc');
  await drive.eject();
  assert.match(await refusal(burner.burn(sessionOf(folder, 2))), 'its tray open');
  await drive.close();
});

test('a session that breaks off leaves the older ones and a disc that takes another', async () => {
  const faults = ['calibration', 'underrun', 'writeError', 'leadOut'];
  const { burner, drive, folder } = await benchWith('faults');
  const first = sessionOf(folder, 1, { volumeId: 'SET' });
  await burner.burn(first);
  for (const fault of faults) {
    drive.inject({ fault, atSector: 40 });
    const failed = sessionOf(folder, 2, { volumeId: 'SET', appendTo: 'SET' });
    assert.match(await refusal(burner.burn(failed)), 'device.burn', fault);
    await burner.verify(first.files);
    assert.match(await refusal(burner.verify(failed.files)), 'data.media', fault);
    assert.is(burner.state.sessions, 1);
  }
  const last = sessionOf(folder, 3, { volumeId: 'SET', appendTo: 'SET' });
  await burner.burn(last);
  await burner.verify([...first.files.filter(({ discPath }) => discPath !== 'DICOMDIR'), ...last.files]);
  await drive.close();
});

test('a first session that breaks off costs its sectors and not the disc', async () => {
  const { burner, drive, folder } = await benchWith('first');
  drive.inject({ fault: 'writeError', atSector: 50 });
  assert.match(await refusal(burner.burn(sessionOf(folder, 1))), 'write error at sector 82');
  assert.is(burner.state.medium, 'appendable');
  const again = sessionOf(folder, 1);
  await burner.burn(again);
  await burner.verify(again.files);
  await drive.close();
});

test('what was not written as told is found by verifying', async () => {
  const { burner, drive, folder } = await benchWith('bad');
  const session = sessionOf(folder, 1, { count: 1, size: 400_000 });
  drive.inject({ fault: 'badSector', atSector: 120 });
  await burner.burn(session);
  assert.match(await refusal(burner.verify(session.files)), 'data.media');
  await drive.close();
});

test('a process that died while writing leaves a disc whose older sessions are read', async () => {
  const { burner, drive, folder, image } = await benchWith('died');
  const first = sessionOf(folder, 1, { volumeId: 'SET' });
  await burner.burn(first);
  await drive.close();
  const disc = await SimulatedDisc.open(image);
  await disc.begin(disc.record.next);
  await disc.write(Buffer.alloc(64 * SECTOR, 1));
  await disc.close();
  await drive.insert(image, { kind: 'CD-R 700' });
  await burner.verify(first.files);
  const second = sessionOf(folder, 2, { volumeId: 'SET', appendTo: 'SET' });
  await burner.burn(second);
  await burner.verify(second.files);
  await drive.close();
});

test('an aborted burn says so', async () => {
  const { burner, drive, folder } = await benchWith('abort');
  const abort = new AbortController();
  const session = sessionOf(folder, 1, { size: 400_000 });
  const work = burner.burn(session, { signal: abort.signal, onProgress: () => abort.abort() });
  assert.match(await refusal(work), 'timeout.aborted');
  assert.match(await refusal(burner.verify(session.files)), 'data.media');
  await drive.close();
});

test('the same driver burns through xorriso', async () => {
  const folder = folderOf('xorriso');
  const image = join(folder, 'disc.iso');
  writeFileSync(image, '');
  const burner = new DiscBurner({ drive: new XorrisoDrive(`stdio:${image}`), folder, clock: new ScaledClock() });
  const session = sessionOf(folder, 1);
  await burner.burn(session);
  await burner.verify(session.files);
  assert.is(extracted(image, folder, session.files[0]!), session.files[0]!.sha256);
});

test('a DVD that is closed at once has UDF beside ISO 9660', async () => {
  const { burner, drive, folder, image } = await benchWith('dvd', 'DVD-R');
  const session = sessionOf(folder, 1, { medium: 'dvd', close: true });
  await burner.burn(session);
  await burner.verify(session.files);
  // ECMA-167 part 3: NSR in the recognition sequence, the anchor at sector 256 with tag 2
  const bytes = readFileSync(image);
  assert.is(bytes.toString('latin1', 19 * SECTOR + 1, 19 * SECTOR + 4), 'NSR');
  assert.is(bytes.readUInt16LE(256 * SECTOR), 2);
  await drive.close();
});

test('a drive is understood by what xorriso tells of it', () => {
  const said = [
    'Media current: CD-R',
    'Media status : is written , is appendable',
    'TOC layout   : Idx ,  sbsector ,       Size , Volume Id',
    'ISO session  :   1 ,         0 ,       406s , SET',
    'ISO session  :   2 ,     11806 ,       406s , SET',
    'Media nwa    : 23612s',
    'Media blocks : 812 readable , 336235 writable , 359847 overall',
  ].join('\n');
  assert.equal(statusOf(said), {
    tray: 'closed',
    medium: 'appendable',
    kind: 'CD-R',
    family: 'cd',
    capacitySectors: 359_847,
    freeSectors: 336_235,
    nextSector: 23_612,
    sessionStarts: [0, 11_806],
  });
  assert.equal(statusOf('Media current: is not recognizable\nMedia status : is not present').medium, 'none');
});

test.run();
