/**
 * Calibrates the simulated PET rings as an installation does: a normalisation scan of a weak cylinder in air that fills the
 * field of view gives crystal efficiencies and radial and axial factors; a water cylinder of known activity then gives the factor
 * from counts to Bq/ml. Writes runtime/recon/calibration/pet-norm.json. Takes some minutes.
 *
 *   npx tsx scripts/calibrate-pet.ts [million events of the normalisation scan]
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { PetNormalisation, Sinograms } from '../native/pet.js';
import { fitPetNormalisation, histogramListmode, reconstructPet, scanListmode, sortListmode } from '../native/pet.js';
import { PET } from '../native/petgeometry.js';
import { type PetCalibrationFile, singlesPerCrystal } from '../runtime/recon/petcalibration.js';
import { petGrid } from '../runtime/recon/petgrid.js';
import { flattenPhantom } from '../sim/physics/flatten.js';
import { attenuationPerMm } from '../sim/physics/materials.js';
import { nuclide } from '../sim/physics/nuclides.js';
import { type PetScan, RINGS, ratesOf, scanPet } from '../sim/physics/pet.js';
import { loadPhantom, parsePhantom } from '../sim/physics/phantom.js';

const OUT = new URL('../runtime/recon/calibration/pet-norm.json', import.meta.url);
const NUCLIDE = 'Ge-68';
const FIELD_RADIUS_MM = 335;
const EVENTS = Number(process.argv[2] ?? 100) * 1e6;
const EVENTS_A_SLICE = 4e6;
const CYLINDER_EVENTS = 6e6;
const CYLINDER_SCALE = 0.2; // 1 kBq/ml
const EFFICIENCY_STEP = 1 / 32768;

function normalisationPhantom() {
  const filling = { kind: 'cylinder', label: 'filling', material: 'air', centreMm: [0, 0, 0], activityBqPerMl: 20 };
  const shapes = [{ ...filling, radiusMm: FIELD_RADIUS_MM, lengthMm: 300 }];
  return flattenPhantom(parsePhantom({ name: 'normalisation', description: '', source: '', shapes }, 'normalisation'));
}

/** Dense sinogram of the normalisation scan, delayed events taken off. */
async function normalisationScan(): Promise<Int16Array> {
  const base = { phantom: normalisationPhantom(), petCentreZMm: 0, nuclide: NUCLIDE, seed: 20 } as const;
  const rates = await ratesOf({ ...base, startSeconds: 0, durationSeconds: 1 });
  const durationSeconds = Math.round(EVENTS_A_SLICE / rates.truesPerSecond);
  const sums: Sinograms = { prompts: new Int16Array(PET.bins), delayeds: new Int16Array(PET.bins) };
  for (let events = 0, startSeconds = 0; events < EVENTS; startSeconds += durationSeconds) {
    const { words, prompts } = await scanPet({ ...base, rates, startSeconds, durationSeconds });
    await histogramListmode({ words, into: sums });
    events += prompts;
    process.stderr.write(`\rnormalisation scan ${(events / 1e6).toFixed(0)} of ${EVENTS / 1e6} million`);
  }
  for (let i = 0; i < PET.bins; i++) sums.prompts[i]! -= sums.delayeds[i]!;
  return sums.prompts;
}

/** mu map of the shipped uniform cylinder, edge voxels by the part inside. */
function cylinderMu(radiusMm: number): Float32Array {
  const { size, spacing, origin } = petGrid(200, 0);
  const mu = attenuationPerMm('water', 511);
  const fine = [-0.375, -0.125, 0.125, 0.375];
  const slice = Float32Array.from({ length: size[0] * size[1] }, (_, i) => {
    const at = (k: number, fraction: number) => origin[0] + (k + fraction) * spacing[0];
    const inside = fine.flatMap((fx) =>
      fine.map((fy) => Math.hypot(at(i % size[0], fx), at(Math.floor(i / size[0]), fy)) < radiusMm),
    );
    return (mu * inside.filter(Boolean).length) / inside.length;
  });
  const map = new Float32Array(slice.length * size[2]);
  for (let z = 0; z < size[2]; z++) map.set(slice, z * slice.length);
  return map;
}

/** Bq/ml of positrons for one count a second and mm of line. */
async function calibrationFactor(normalisation: PetNormalisation): Promise<number> {
  const phantom = loadPhantom('uniform-cylinder');
  const filling = phantom.shapes[0]!;
  if (filling.kind !== 'cylinder' || typeof filling.radiusMm !== 'number') throw new Error('not a round cylinder');
  const scan: PetScan = {
    phantom: flattenPhantom(phantom, { activityScale: CYLINDER_SCALE }),
    petCentreZMm: 0,
    nuclide: NUCLIDE,
    startSeconds: 0,
    durationSeconds: 1,
    seed: 21,
  };
  const rates = await ratesOf(scan);
  const durationSeconds = Math.round(CYLINDER_EVENTS / rates.truesPerSecond);
  const { words } = await scanPet({ ...scan, rates, durationSeconds });
  const counts = await scanListmode({ words });
  const events = await sortListmode({ words, prompts: counts.prompts });
  const { data } = await reconstructPet({
    matrix: 200,
    iterations: 3,
    subsets: 21,
    events,
    tofFwhmPs: RINGS.tofFwhmPs,
    algorithm: 'osem',
    rebinned: false,
    psfFwhmMm: 0,
    filter: { window: 'Gauss', fwhmMm: 4 },
    scale: 1 / durationSeconds,
    mu: cylinderMu(filling.radiusMm),
    normalisation,
    randoms: { delayeds: counts.delayeds, singles: singlesPerCrystal(counts.singles) },
  });
  const positrons = filling.activityBqPerMl * CYLINDER_SCALE * nuclide(NUCLIDE).positronBranching;
  return positrons / meanInside(data, filling.radiusMm - 25);
}

function meanInside(data: Float32Array, radiusMm: number): number {
  const { size, spacing, origin } = petGrid(200, 0);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    const [x, y, z] = [i % size[0], Math.floor(i / size[0]) % size[1], Math.floor(i / (size[0] * size[1]))];
    if (z < 14 || z >= size[2] - 14) continue;
    if (Math.hypot(origin[0] + x * spacing[0], origin[1] + y * spacing[1]) >= radiusMm) continue;
    sum += data[i]!;
    count++;
  }
  return sum / count;
}

const prompts = await normalisationScan();
const normalisation = await fitPetNormalisation({ prompts, radiusMm: FIELD_RADIUS_MM });
process.stderr.write('\nwater cylinder\n');
const bqmlPerCount = await calibrationFactor(normalisation);
const steps = Uint16Array.from(normalisation.crystals, (e) => Math.round(e / EFFICIENCY_STEP));
const base64 = (values: Uint16Array | Float32Array) => Buffer.from(values.buffer).toString('base64');
const file: PetCalibrationFile = {
  measuredAt: new Date().toISOString(),
  how: `simulated: ${(EVENTS / 1e6).toFixed(0)} million events of a cylinder in air, then a water cylinder of known activity`,
  bqmlPerCount: Number(bqmlPerCount.toPrecision(7)),
  tofFwhmPs: RINGS.tofFwhmPs,
  efficiencyStep: EFFICIENCY_STEP,
  efficiencies: base64(steps),
  geometric: base64(normalisation.geometric),
  axial: base64(normalisation.axial),
};
mkdirSync(new URL('.', OUT), { recursive: true });
writeFileSync(OUT, `${JSON.stringify(file, null, 2)}\n`);
process.stderr.write(`${fileURLToPath(OUT)}: ${bqmlPerCount.toPrecision(5)} Bq/ml for one count a second and mm\n`);
