/** Discs that DCMTK and xorriso made: looked at, verified and imported by `petrig media`; damaged ones refused whole. */

import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openArchive } from '../../runtime/archive/open.js';
import { text } from '../../runtime/dicom/dataset/dataset.js';
import { header, part10 } from '../helpers/archive-objects.js';
import { clock, log } from '../helpers/dicom.js';
import { PROGRAM, testFolder } from '../helpers/petrig.js';

const test = suite('petrig media');
const folder = testFolder('media');
const tree = join(folder, 'tree');
const image = join(folder, 'disc.iso');
/** Bytes of every object by SOP Instance UID. */
const objects = new Map<string, Buffer>();
const fileOf = (i: number) => join('DICOM', `IM00000${i}`);

function petrig(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...PROGRAM, 'media', ...args, '--json'], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stderr, out: stdout === '' ? undefined : JSON.parse(stdout) };
}

function dcmmkdir(root: string): void {
  const args = ['--general-purpose', '+id', root, '+D', join(root, 'DICOMDIR'), '+F', 'TEST', '--recurse', 'DICOM'];
  execFileSync('dcmmkdir', args, { cwd: root, stdio: 'pipe' });
}

function xorriso(root: string, to: string): void {
  execFileSync('xorriso', ['-as', 'mkisofs', '-quiet', '-iso-level', '1', '--norock', '-V', 'TEST', '-o', to, root]);
}

/** How many objects are in an archive folder. */
async function kept(data: string): Promise<Map<string, Buffer>> {
  const archive = await openArchive({ root: data, clock, log });
  const found = await archive.instances();
  await archive.close();
  return new Map(found.map(({ sopInstanceUid, file }) => [sopInstanceUid, readFileSync(file)]));
}

test.before(() => {
  mkdirSync(join(tree, 'DICOM'), { recursive: true });
  for (let i = 0; i < 6; i++) {
    const object = header({
      ...{
        StudyDate: '20260101',
        StudyTime: '101500',
        StudyID: '1',
        AccessionNumber: 'A1',
        StudyDescription: 'PET CT',
      },
      ...{ PatientBirthDate: '19700101', PatientSex: 'O', SeriesInstanceUID: `2.25.8.${i % 2}` },
      ...{
        SeriesNumber: String(1 + (i % 2)),
        InstanceNumber: String(i + 1),
        ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
      },
      ...{ SamplesPerPixel: 1, PhotometricInterpretation: 'MONOCHROME2', Rows: 16, Columns: 16 },
      ...{ BitsAllocated: 16, BitsStored: 12, HighBit: 11, PixelRepresentation: 0 },
      ...{ RescaleIntercept: '-1024', RescaleSlope: '1', PixelData: Buffer.alloc(512, i) },
    });
    const bytes = part10(object);
    writeFileSync(join(tree, fileOf(i)), bytes);
    objects.set(text(object.dataset, 'SOPInstanceUID')!, bytes);
  }
  dcmmkdir(tree);
  xorriso(tree, image);
});

test('ls shows patients, studies and series, of an image and of a folder', () => {
  for (const [disc, format] of [
    [image, 'iso9660'],
    [tree, 'folder'],
  ] as const) {
    const { status, out, stderr } = petrig('ls', disc);
    assert.is(status, 0, stderr);
    assert.is(out.format, format);
    assert.is(out.fileSetId, 'TEST');
    const [patient] = out.patients;
    assert.is(patient.patientId, 'P1');
    assert.is(patient.patientName, 'Müller^Jörg');
    const [study] = patient.studies;
    assert.is(study.description, 'PET CT');
    assert.equal(
      study.series.map((series: { instances: unknown[] }) => series.instances.length),
      [3, 3],
    );
    assert.ok(out.profiles.includes('STD-GEN-CD'), out.profiles.join());
  }
});

test('an import has every byte of the disc; a second one finds everything there', async () => {
  const data = join(folder, 'all');
  const first = petrig('import', image, '--data', data);
  assert.is(first.status, 0, first.stderr);
  assert.is(first.out.imported, 6);
  const found = await kept(data);
  assert.equal([...found.keys()].sort(), [...objects.keys()].sort());
  for (const [uid, bytes] of found) {
    // ours is the meta header, theirs the dataset
    const dataset = (part: Buffer) => part.subarray(144 + part.readUInt32LE(140));
    assert.ok(dataset(bytes).equals(dataset(objects.get(uid)!)), uid);
  }
  const again = petrig('import', image, '--data', data);
  assert.equal([again.out.imported, again.out.identical], [0, 6]);
  const verdict = petrig('verify', image, '--data', data);
  assert.is(verdict.status, 0, verdict.stderr);
  assert.equal([verdict.out.good, verdict.out.identical, verdict.out.damaged], [6, 6, []]);
});

test('a series alone, and what no disc has', async () => {
  const data = join(folder, 'some');
  assert.is(petrig('import', image, '--data', data, '--series', '2.25.8.1').out.imported, 3);
  assert.is((await kept(data)).size, 3);
  const none = petrig('import', image, '--data', data, '--study', '1.2.3');
  assert.is(none.status, 2);
  assert.match(none.stderr, /no object of this selection/);
});

/** What is done to a copy of the folder, and what is said of it. */
const DAMAGE: Record<string, { act(root: string): void; says: RegExp }> = {
  'a file cut short': {
    act: (root) => writeFileSync(join(root, fileOf(3)), readFileSync(join(root, fileOf(3))).subarray(0, -100)),
    says: /IM000003/,
  },
  'a missing file': { act: (root) => rmSync(join(root, fileOf(2))), says: /IM000002 is not on the disc/ },
  'two files exchanged': {
    act: (root) => {
      const [a, b] = [fileOf(0), fileOf(1)].map((path) => join(root, path)) as [string, string];
      const bytes = readFileSync(a);
      writeFileSync(a, readFileSync(b));
      writeFileSync(b, bytes);
    },
    says: /sopInstanceUid is .* the directory says/,
  },
  'a link out of the disc': {
    act: (root) => {
      rmSync(join(root, fileOf(4)));
      symlinkSync('/etc/passwd', join(root, fileOf(4)));
    },
    says: /is a link/,
  },
  'a path out of the tree': {
    act: (root) => patch(root, 'DICOM\\IM000005', '..\\..\\IM000005'),
    says: /is no name of a file/,
  },
  'a link of the directory that leads nowhere': { act: (root) => patchOffset(root), says: /no record begins there/ },
  'a directory cut short': {
    act: (root) => writeFileSync(join(root, 'DICOMDIR'), readFileSync(join(root, 'DICOMDIR')).subarray(0, -500)),
    says: /DICOMDIR|left|truncated|cut/,
  },
  'no directory': { act: (root) => rmSync(join(root, 'DICOMDIR')), says: /DICOMDIR is not on the disc/ },
};

/** Puts other text of the same length into the directory. */
function patch(root: string, from: string, to: string): void {
  const path = join(root, 'DICOMDIR');
  const bytes = readFileSync(path);
  const at = bytes.indexOf(from, 0, 'latin1');
  assert.ok(at > 0);
  bytes.write(to.slice(0, from.length), at, 'latin1');
  writeFileSync(path, bytes);
}

/** Offset of the First Directory Record of the Root Directory Entity, (0004,1200), explicit little endian. */
function patchOffset(root: string): void {
  const path = join(root, 'DICOMDIR');
  const bytes = readFileSync(path);
  const at = bytes.indexOf(Buffer.from([4, 0, 0, 0x12, 0x55, 0x4c, 4, 0]));
  assert.ok(at > 0);
  bytes.writeUInt32LE(bytes.readUInt32LE(at + 8) + 2, at + 8);
  writeFileSync(path, bytes);
}

for (const [name, { act, says }] of Object.entries(DAMAGE)) {
  test(`${name}: nothing is imported, and the reason is told`, async () => {
    const root = join(folder, name.replaceAll(' ', '-'));
    cpSync(tree, root, { recursive: true });
    act(root);
    const data = `${root}-data`;
    const { status, stderr } = petrig('import', root, '--data', data);
    assert.is.not(status, 0);
    assert.match(stderr, says);
    assert.is((await kept(data)).size, 0);
  });
}

test('verify names every damaged file, and reads the others', () => {
  const root = join(folder, 'two-damages');
  cpSync(tree, root, { recursive: true });
  for (const i of [1, 5]) rmSync(join(root, fileOf(i)));
  writeFileSync(join(root, 'DICOM', 'EXTRA'), 'x');
  const { status, out } = petrig('verify', root);
  assert.is(status, 1);
  assert.is(out.good, 4);
  assert.equal(out.damaged.map(({ file }: { file: string }) => file).sort(), ['DICOM/IM000001', 'DICOM/IM000005']);
  assert.equal(out.unreferenced, ['DICOM/EXTRA']);
});

test('an image cut short, and what is no disc', () => {
  const cut = join(folder, 'cut.iso');
  const whole = readFileSync(image);
  const ends = [...objects.values()].map((bytes) => whole.indexOf(bytes) + bytes.length);
  writeFileSync(cut, whole.subarray(0, Math.max(...ends) - 10));
  assert.is(petrig('verify', cut).status, 1);
  const text = join(folder, 'text');
  writeFileSync(text, 'no disc');
  for (const [disc, says] of [
    [text, /no ISO 9660 file system/],
    [join(folder, 'none'), /data.missing/],
  ] as const) {
    const { status, stderr } = petrig('ls', disc);
    assert.is(status, 1);
    assert.match(stderr, says);
  }
});

test.run();
