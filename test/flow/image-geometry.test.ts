/** Where the images say that things are, asked of other makers' programs: the insert of the phantom `offset-insert` is toward left, front and head. */

import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { numbers } from '../../runtime/dicom/dataset/dataset.js';
import type { ExamReport } from '../../runtime/service/operations.js';
import { loadPhantom } from '../../sim/physics/phantom.js';
import { say } from '../helpers/imagefigures.js';
import { centroid, readVolume } from '../helpers/imagefiles.js';
import { niftiCentre, readMha, readNifti } from '../helpers/imageforeign.js';
import { ctRange, type ImageSite, petRange, startImageSite } from '../helpers/imagesite.js';
import { runTool } from '../helpers/peers.js';

const test = suite('geometry of images');
const INSERT = loadPhantom('offset-insert').shapes.find(({ label }) => label === 'insert')!.centreMm;
const FOV_MM = 300;
const INCREMENT_MM = 2;

let site: ImageSite;
let report: ExamReport;

test.before(async () => {
  site = await startImageSite({ phantom: 'offset-insert' });
  const ct = ctRange({ fromZ: -30, toZ: 50 }, { incrementMm: INCREMENT_MM, thicknessMm: 2, fovMm: FOV_MM });
  report = await site.examine([ct, petRange(30)]);
});
test.after(() => site.close());

function near(what: string, found: readonly number[], expected: readonly number[], mm: readonly number[]): void {
  say(what, { found, expected });
  for (const [axis, name] of ['x', 'y', 'z'].entries()) {
    const off = Math.abs(found[axis]! - expected[axis]!);
    assert.ok(off <= mm[axis]!, `${what}: ${name} ${found[axis]} mm, expected ${expected[axis]} within ${mm[axis]}`);
  }
}

test('CT: pixel spacing, slice distance and positions of the files put the insert within half a pixel', async () => {
  const volume = await readVolume(site.seriesFolder(report, 'CT'));
  const pixel = FOV_MM / 512;
  assert.ok(Math.abs(volume.spacing[0] - pixel) < 1e-4 && Math.abs(volume.spacing[1] - pixel) < 1e-4);
  assert.ok(Math.abs(volume.spacing[2] - INCREMENT_MM) < 1e-4);
  assert.is(volume.size[2], 80 / INCREMENT_MM + 1);
  for (const { header, z } of volume.slices)
    assert.ok(Math.abs(numbers(header.dataset, 'SliceLocation')[0]! - z) < 1e-3);
  near('CT insert', centroid(volume, INSERT, 20, 0), INSERT, [pixel / 2, pixel / 2, INCREMENT_MM / 2]);
});

test('CT: dcm2niix finds the insert at the left, front and head', async () => {
  const out = join(site.folder, 'nifti');
  mkdirSync(out);
  const { code, output } = await runTool('dcm2niix', [
    '-z',
    'n',
    '-f',
    'ct',
    '-o',
    out,
    site.seriesFolder(report, 'CT'),
  ]);
  assert.is(code, 0, output);
  const nifti = readNifti(join(out, readdirSync(out).find((file) => file.endsWith('.nii'))!));
  const pixel = FOV_MM / 512;
  near('dcm2niix insert', niftiCentre(nifti, 400), INSERT, [pixel / 2, pixel / 2, INCREMENT_MM / 2]);
});

test('PET: plastimatch puts the hot insert where the phantom and the CT have it', async () => {
  const file = join(site.folder, 'pet.mha');
  const args = ['convert', '--input', site.seriesFolder(report, 'PT'), '--output-type', 'float', '--output-img', file];
  const { code, output } = await runTool('plastimatch', args);
  assert.is(code, 0, output);
  const volume = readMha(file);
  const half = volume.spacing.map((step) => step / 2);
  near('plastimatch insert', centroid(volume, INSERT, 24, 1000), INSERT, half);
});

test.run();
