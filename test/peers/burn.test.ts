/** Discs that `petrig burn` lays out, read by DCMTK, dicom3tools, GDCM and pydicom. */

import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openArchive } from '../../runtime/archive/open.js';
import { setElement, text } from '../../runtime/dicom/dataset/dataset.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import { header, part10 } from '../helpers/archive-objects.js';
import { clock, log } from '../helpers/dicom.js';
import { PROGRAM, testFolder } from '../helpers/petrig.js';

const test = suite('petrig burn');
const folder = testFolder('burn');
const data = join(folder, 'data');
const image = join(folder, 'disc.iso');
const tree = join(folder, 'tree');
const CSA = '1.3.12.2.1107.5.9.1';
/** Bytes of every object by SOP Instance UID. */
const objects = new Map<string, Buffer>();

function petrig(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...PROGRAM, ...args, '--json'], {
    encoding: 'utf8',
    timeout: 30_000,
  });
  return { status, stderr, out: stdout === '' ? undefined : JSON.parse(stdout) };
}

function tool(name: string, ...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(name, args, { cwd: tree, encoding: 'latin1' });
  assert.is(status, 0, `${name}: ${stdout}${stderr}`);
  return stdout + stderr;
}

test.before(async () => {
  mkdirSync(data, { recursive: true });
  const archive = await openArchive({ root: data, clock, log });
  for (let i = 0; i < 9; i++) {
    const patient =
      i < 6 ? { PatientID: 'P1', PatientName: 'Größe^Zoë' } : { PatientID: 'P2', PatientName: 'Doe^Jane' };
    const object = header({
      ...{ ...patient, SpecificCharacterSet: 'ISO_IR 100', PatientBirthDate: '19700101', PatientSex: 'O' },
      ...{
        StudyInstanceUID: i < 6 ? '2.25.9.1' : '2.25.9.2',
        StudyDate: '20260101',
        StudyTime: '101500',
        StudyID: '1',
      },
      ...{ AccessionNumber: 'A1', StudyDescription: 'PET CT', SeriesInstanceUID: `2.25.9.3.${Math.floor(i / 3)}` },
      ...{ SeriesNumber: String(1 + Math.floor(i / 3)), InstanceNumber: String(i + 1), SeriesDate: '20260101' },
      ...{ ContentDate: '20260101', ContentTime: '101500', ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'] },
      ...{ SamplesPerPixel: 1, PhotometricInterpretation: 'MONOCHROME2', Rows: 32, Columns: 32 },
      ...{ BitsAllocated: 16, BitsStored: 12, HighBit: 11, PixelRepresentation: 0 },
      ...{ WindowCenter: '40', WindowWidth: '400', RescaleIntercept: '-1024', RescaleSlope: '1' },
      PixelData: Buffer.alloc(2048, i),
    });
    setElement(object.dataset, '00290010', 'LO', ['SOMEBODY ELSE']);
    setElement(object.dataset, '00291001', 'UN', [Uint8Array.of(1, 2, 3, 4)]);
    if (i === 8) {
      setElement(object.dataset, '00080016', 'UI', [CSA]);
      setElement(object.dataset, '00290011', 'LO', ['SIEMENS CSA NON-IMAGE']);
      setElement(object.dataset, '00291108', 'CS', ['PET_LISTMODE']);
    }
    const bytes = part10(object);
    await archive.importBytes(bytes);
    objects.set(text(object.dataset, 'SOPInstanceUID')!, bytes);
  }
  await archive.close();
  const { status, out, stderr } = petrig('burn', '--all', '--image', image, '--data', data, '--name', 'TESTDISC');
  assert.is(status, 0, stderr);
  assert.equal(out.leftOut, []);
  assert.is(out.images[0].objects, 9);
  mkdirSync(tree);
  execFileSync('xorriso', ['-osirrox', 'on', '-indev', image, '-extract', '/', tree], { stdio: 'ignore' });
  execFileSync('chmod', ['-R', 'u+w', tree]);
});

test('every object is on the disc with the bytes that the archive has', async () => {
  const found = readdirSync(tree, { recursive: true, encoding: 'utf8' }).filter((path) =>
    /IM|RAW|CSA|\d{6}$/.test(path),
  );
  const files = found.map((path) => join(tree, path)).filter((path) => /^DICM/.test(dicm(path)));
  assert.is(files.length, 9);
  for (const file of files) {
    const { sopInstanceUid } = await readFileMeta(file);
    assert.ok(readFileSync(file).equals(objects.get(sopInstanceUid)!), file);
  }
});

function dicm(path: string): string {
  try {
    return readFileSync(path).toString('latin1', 128, 132);
  } catch {
    return ''; // a folder
  }
}

test('dcdirdmp and dciodvfy find nothing wrong with the DICOMDIR', () => {
  const dump = tool('dcmdump', 'DICOMDIR');
  for (const [type, count] of [
    ['PATIENT', 2],
    ['STUDY', 2],
    ['SERIES', 3],
    ['IMAGE', 8],
    ['PRIVATE', 1],
  ] as const) {
    assert.is(dump.split(`CS [${type}`).length - 1, count, type);
  }
  tool('dcdirdmp', 'DICOMDIR');
  const verified = spawnSync('dciodvfy', [join(tree, 'DICOMDIR')], { encoding: 'latin1' }).stderr;
  assert.equal(
    verified.split('\n').filter((line) => line.startsWith('Error')),
    [],
  );
});

test('GDCM reads the directory', () => {
  assert.match(tool('gdcmdump', 'DICOMDIR'), /Directory Record Sequence/i);
});

test('pydicom finds every object of the file-set, and its bytes', () => {
  const script = [
    'import sys',
    'from pydicom.fileset import FileSet',
    'fs = FileSet(sys.argv[1])',
    "print(fs.ID, len(fs), sorted(fs.find_values('PatientID')))",
    'for i in fs:',
    '    ds = i.load()',
    '    print(i.SOPInstanceUID == ds.SOPInstanceUID, len(ds.PixelData))',
  ];
  const out = tool('/usr/bin/python3', '-c', script.join('\n'), join(tree, 'DICOMDIR')).trim().split('\n');
  assert.is(out[0], "TESTDISC 9 ['P1', 'P2']");
  assert.equal(new Set(out.slice(1)), new Set(['True 2048']));
});

test('icons of images are 64 x 64 with 8 bits', () => {
  const { out, status, stderr } = petrig('media', 'verify', image, '--data', data);
  assert.is(status, 0, stderr);
  assert.equal([out.good, out.identical, out.unreferenced], [9, 9, []]);
  const shown = petrig('media', 'ls', image).out;
  const all = shown.patients.flatMap(
    (p: { studies: { series: { instances: { record: string; icon?: { size: number } }[] }[] }[] }) =>
      p.studies.flatMap((study) => study.series.flatMap((series) => series.instances)),
  );
  assert.equal(
    all
      .map(({ record, icon }: { record: string; icon?: { size: number } }) => `${record} ${icon?.size ?? 'none'}`)
      .sort(),
    [...Array(8).fill('IMAGE 64'), 'PRIVATE none'],
  );
});

test('a standard profile leaves the private class out, and says so', () => {
  const other = join(folder, 'standard.iso');
  const { status, out, stderr } = petrig(
    'burn',
    '2.25.9.2',
    '--profile',
    'aug-gen-cd',
    '--image',
    other,
    '--data',
    data,
  );
  assert.is(status, 0, stderr);
  assert.is(out.images[0].objects, 2);
  assert.is(out.leftOut.length, 1);
  assert.match(out.leftOut[0].reason, /AUG-GEN-CD has no SOP class/);
});

test('what cannot be burned leaves no image', () => {
  const none = join(folder, 'none.iso');
  const cases: [string[], number, RegExp][] = [
    [['1.2.3', '--image', none], 1, /study 1\.2\.3 in the archive is missing/],
    [['--image', none], 2, /name studies, or --all/],
    [['2.25.9.1', '--all', '--image', none], 2, /name studies, or --all/],
    [['--all', '--image', none, '--profile', 'NO-SUCH'], 2, /known: /],
    [['--all', '--image', image], 2, /is there already/],
    [['--all', '--image', join(folder, 'no', 'such', 'folder.iso')], 1, /cannot write/],
    [['--all', '--image', none, '--name', 'lower case'], 1, /volume ID/],
  ];
  for (const [args, code, says] of cases) {
    const { status, stderr } = petrig('burn', ...args, '--data', data);
    assert.match(stderr, says);
    assert.is(status, code, stderr);
  }
  assert.not.ok(existsSync(none));
  assert.equal(
    readdirSync(data).filter((name) => name.startsWith('burn-')),
    [],
  );
});

test('without xorriso it says so', () => {
  const noXorriso = spawnSync(
    process.execPath,
    [...PROGRAM, 'burn', '--all', '--image', join(folder, 'x.iso'), '--data', data],
    {
      encoding: 'utf8',
      env: { ...process.env, PATH: '/nonexistent' },
    },
  );
  assert.is(noXorriso.status, 1);
  assert.match(noXorriso.stderr, /xorriso/);
});

test.run();
