/** One PET/CT examination of the NEMA body phantom: spheres where they are, valid objects, and a controller that stays awake. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { text } from '../../runtime/dicom/dataset/dataset.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import type { ExamReport } from '../../runtime/service/operations.js';
import { loadPhantom } from '../../sim/physics/phantom.js';
import { CSA_NON_IMAGE } from '../helpers/dicom.js';
import { say } from '../helpers/imagefigures.js';
import { centroid, disc, readVolume, region } from '../helpers/imagefiles.js';
import { Heartbeat } from '../helpers/imageheartbeat.js';
import { ctRange, type ImageSite, petRange, startImageSite } from '../helpers/imagesite.js';
import { runTool } from '../helpers/peers.js';

const test = suite('PET/CT of the NEMA body phantom');
const SHAPES = loadPhantom('nema-body').shapes;
const SPHERES = SHAPES.flatMap((shape) =>
  shape.kind === 'sphere' && shape.activityBqPerMl > 0 ? [{ ...shape, diameterMm: 2 * shape.radiusMm }] : [],
);
const BACKGROUND = SHAPES.find(({ label }) => label.startsWith('background'))!.activityBqPerMl;

const DOSE_SR = '1.2.840.10008.5.1.4.1.1.88.67';
/** Images of a series differ in few elements: one of so many is shown to the validator. */
const EACH_NTH = 12;

let site: ImageSite;
let report: ExamReport;
let late: Awaited<ReturnType<Heartbeat['stop']>>;

test.before(async () => {
  site = await startImageSite({ phantom: 'nema-body' });
  const heartbeat = new Heartbeat();
  const ct = ctRange({ fromZ: -112, toZ: 112 }, { incrementMm: 2, thicknessMm: 2, fovMm: 400, ma: 160 });
  report = await site.examine([ct, petRange(30, { gaussMm: 3 })]);
  late = await heartbeat.stop();
});
test.after(() => site.close());

test('hot spheres stand in PET where the phantom put them, and CT has them at the same place', async () => {
  const pet = await readVolume(site.seriesFolder(report, 'PT'));
  const ct = await readVolume(site.seriesFolder(report, 'CT'));
  const [voxel, , plane] = pet.spacing;
  for (const { centreMm, diameterMm } of SPHERES) {
    if (diameterMm < 17) continue; // too small for this short scan
    const hot = centroid(pet, centreMm, diameterMm / 2 + 4, BACKGROUND);
    const wall = centroid(ct, centreMm, diameterMm / 2 + 2.5, 0);
    say(`sphere ${diameterMm} mm`, { phantom: centreMm, pet: hot, ct: wall });
    for (const [axis, limit] of [voxel, voxel, plane].entries()) {
      assert.ok(Math.abs(hot[axis]! - centreMm[axis]!) <= limit!, `${diameterMm} mm: PET ${hot}, phantom ${centreMm}`);
      assert.ok(Math.abs(hot[axis]! - wall[axis]!) <= limit!, `${diameterMm} mm: PET ${hot}, CT ${wall}`);
    }
  }
});

test('CT shows the walls of the largest sphere, PET its activity', async () => {
  const ct = await readVolume(site.seriesFolder(report, 'CT'));
  const pet = await readVolume(site.seriesFolder(report, 'PT'));
  const largest = SPHERES.find(({ diameterMm }) => diameterMm === 37)!;
  const [r, box] = [largest.radiusMm, [24, 24, 3] as const];
  const shell = region(ct, largest.centreMm, box, (at) => Math.abs(Math.hypot(...at) - r - 0.5) < 0.5);
  const inside = disc(ct, largest.centreMm, r - 5, 3);
  const activity = disc(pet, largest.centreMm, r - 9, 5);
  say('37 mm sphere', { wallHu: shell.mean, insideHu: inside.mean, recovery: activity.mean / largest.activityBqPerMl });
  assert.ok(shell.mean > inside.mean + 30, `wall ${shell.mean} HU, filling ${inside.mean} HU`);
  assert.ok(Math.abs(inside.mean) < 8, `filling ${inside.mean} HU`);
  assert.ok(activity.mean > 0.75 * largest.activityBqPerMl && activity.mean < 1.1 * largest.activityBqPerMl);
});

test('report: rates and dose are those of a scan', () => {
  const [bed] = report.countRates;
  const [exposure] = report.dose.exposures;
  say('rates and dose', { bed, exposure });
  assert.ok(bed!.promptsPerSecond > 3e4 && bed!.promptsPerSecond < 1e6);
  assert.ok(bed!.randomsPerSecond > 0.02 * bed!.promptsPerSecond && bed!.randomsPerSecond < bed!.promptsPerSecond);
  // a photon pair that is counted is two singles, and most singles lose their partner
  assert.ok(bed!.singlesPerSecond > 5 * bed!.promptsPerSecond, `${bed!.singlesPerSecond} singles a second`);
  const perPitch = (exposure!.ma * 0.5) / 1.2;
  assert.ok(Math.abs(exposure!.ctdiVol - (6.75 * perPitch) / 100) < 0.05, `CTDIvol ${exposure!.ctdiVol} mGy`);
});

test('images pass dciodvfy, and all of the examination dcentvfy together', async () => {
  const study = join(site.running.controller.status().data, 'objects', report.studyInstanceUid);
  const files = readdirSync(study, { recursive: true }).map((file) => join(study, String(file)));
  const images: string[] = [];
  for (const path of files.filter((file) => file.endsWith('.dcm')).sort()) {
    const { meta } = await readHeader(path, { stopAtTag: '00080060' });
    if (text(meta, 'MediaStorageSOPClassUID') === CSA_NON_IMAGE) continue; // a private class, which no validator knows
    if (text(meta, 'MediaStorageSOPClassUID') === DOSE_SR) continue;
    images.push(path);
    if (images.length % EACH_NTH !== 1) continue;
    const { output } = await runTool('dciodvfy', [path]);
    // the validator forbids Patient Position beside Patient Orientation Code Sequence; the standard does not
    const errors = output.split('\n').filter((line) => /^Error/.test(line) && !/<PatientPosition>/.test(line));
    assert.equal(errors, [], path);
  }
  const expected = report.series.filter(({ sopClass }) => sopClass.endsWith('Image'));
  assert.is(
    images.length,
    expected.reduce((sum, { count }) => sum + count, 0),
  );
  const { output } = await runTool('dcentvfy', images);
  assert.is(output.trim(), '', output);
});

test('a heartbeat of 50 ms keeps its rhythm during the whole examination', () => {
  say('lateness, ms', late);
  // a thread without work is late too while the machine does other things
  assert.ok(late.ours.p99 < 20 + 2 * late.idle.p99, JSON.stringify(late));
});

test.run();
