/** One PET/CT examination of the NEMA body phantom: spheres where they are, valid objects, and a controller that stays awake. */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ExamReport } from '../../runtime/service/operations.js';
import { loadPhantom } from '../../sim/physics/phantom.js';
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

let site: ImageSite;
let report: ExamReport;
const heartbeat = new Heartbeat();

test.before(async () => {
  site = await startImageSite({ phantom: 'nema-body' });
  heartbeat.start();
  const ct = ctRange({ fromZ: -112, toZ: 112 }, { incrementMm: 2, thicknessMm: 2, fovMm: 400, ma: 160 });
  report = await site.examine([ct, petRange(30, { gaussMm: 3 })]);
  heartbeat.stop();
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

test('every object passes dciodvfy, and the set dcentvfy', async () => {
  const study = join(site.running.controller.status().data, 'objects', report.studyInstanceUid);
  const files = readdirSync(study, { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.dcm'));
  const paths = files.map((file) => join(study, file));
  const images: string[] = [];
  for (const path of paths) {
    const { output } = await runTool('dciodvfy', [path]);
    if (/CSA|Unrecognized SOP Class|1\.3\.12\.2\.1107\.5\.9\.1/.test(output)) continue; // no validator knows the private class
    images.push(path);
    const errors = output
      .split('\n')
      .filter((line) => /^Error/.test(line) && !/Patient(Position| Orientation)/.test(line));
    assert.equal(errors, [], path);
  }
  assert.ok(images.length > 200, `${images.length} images of ${paths.length} objects`);
  const { output } = await runTool('dcentvfy', paths);
  assert.is(output.trim(), '', output);
});

test('a heartbeat of 50 ms keeps its rhythm during the whole examination', () => {
  say('lateness, ms', heartbeat.figures());
  assert.ok(heartbeat.figures().p99 < 20, JSON.stringify(heartbeat.figures()));
});

test.run();
