import { spawnSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import type { Archive } from '../../runtime/archive/archive.js';
import { openArchive } from '../../runtime/archive/open.js';
import { CodecPool } from '../../runtime/dicom/codecs/pool.js';
import { planFileSets } from '../../runtime/media/file-set.js';
import { DEFAULT_PROFILE, profileNamed } from '../../runtime/media/profile.js';
import { header, part10 } from '../helpers/archive-objects.js';
import type { Benchmark, Measurement } from './benchmark.js';

const IMAGES = 1300;
const SERIES = 4;
const PIXELS = 512;

interface Site {
  archive: Archive;
  folder: string;
  /** The same files under names of a file-set, for DCMTK. */
  tree: string;
}
let site: Promise<Site> | undefined;

/** A CD-full of CT images. */
async function fill(): Promise<Site> {
  const folder = mkdtempSync(join(tmpdir(), 'petrig-bench-media-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const archive = await openArchive({ root: folder, clock: new ScaledClock(), log: silentLog });
  for (let i = 0; i < IMAGES; i++) {
    const object = header({
      ...{
        StudyDate: '20260101',
        StudyTime: '101500',
        StudyID: '1',
        AccessionNumber: 'A1',
        StudyDescription: 'PET CT',
      },
      ...{ SeriesInstanceUID: `2.25.8.${i % SERIES}`, SeriesNumber: String(i % SERIES), InstanceNumber: String(i) },
      ...{ SamplesPerPixel: 1, PhotometricInterpretation: 'MONOCHROME2', Rows: PIXELS, Columns: PIXELS },
      ...{ BitsAllocated: 16, BitsStored: 12, HighBit: 11, PixelRepresentation: 0, RescaleIntercept: '-1024' },
      ...{ RescaleSlope: '1', WindowCenter: '40', WindowWidth: '400', PatientBirthDate: '19700101', PatientSex: 'O' },
      PixelData: Buffer.alloc(2 * PIXELS * PIXELS, i),
    });
    await archive.importBytes(part10(object));
  }
  const tree = join(folder, 'tree');
  mkdirSync(join(tree, 'DICOM'), { recursive: true });
  for (const [i, { file }] of (await archive.instances()).entries()) {
    linkSync(file, join(tree, 'DICOM', `IM${String(i).padStart(6, '0')}`));
  }
  return { archive, folder, tree };
}

/** Seconds from the archive's files to a planned disc with its DICOMDIR; beside DCMTK's, which makes no icons and no checksums. */
async function directory(): Promise<Measurement> {
  site ??= fill();
  const { archive, folder, tree } = await site;
  const profile = profileNamed(DEFAULT_PROFILE, 'FSC');
  const codecs = new CodecPool({ clock: new ScaledClock(), log: silentLog });
  const started = performance.now();
  const { discs, leftOut } = await planFileSets(await archive.instances(), {
    ...{ profile, codecs, folder, name: 'BENCH', sourceAeTitle: 'PETRIG' },
    capacityBytes: 1e9,
  });
  const value = (performance.now() - started) / 1000;
  await codecs.close();
  if (leftOut.length > 0 || discs.length !== 1) throw new Error(`${leftOut.length} objects were left out`);
  const begun = performance.now();
  const args = ['--general-purpose', '+id', tree, '+D', join(tree, 'DICOMDIR'), '--recurse', 'DICOM'];
  const { status, stderr } = spawnSync('dcmmkdir', args, { cwd: tree, encoding: 'latin1' });
  if (status !== 0) throw new Error(stderr);
  const peer = (performance.now() - begun) / 1000;
  rmSync(join(tree, 'DICOMDIR'));
  return { value, peer };
}

export const benchmarks: Benchmark[] = [
  { name: 'dicomdir-1300', unit: 's', peer: 'dcmmkdir, no icons', run: directory },
];
