/** Speed of the simulated detectors, on the body phantom. */

import { exposeCt } from '../../sim/physics/ct.js';
import { flattenPhantom } from '../../sim/physics/flatten.js';
import { ratesOf, scanPet } from '../../sim/physics/pet.js';
import { loadPhantom } from '../../sim/physics/phantom.js';
import type { Benchmark } from './benchmark.js';

const phantom = flattenPhantom(loadPhantom('nema-body'));
const READINGS = 2304;
const ROWS = 16;

const seconds = async (work: () => Promise<unknown>): Promise<number> => {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
};

/** Two turns of a low-dose spiral, 16 x 1.2. */
async function projectRays(): Promise<{ value: number }> {
  const turn = (i: number) => (i * 2 * Math.PI) / 1152;
  const took = await seconds(() =>
    exposeCt({
      phantom,
      kVp: 120,
      angles: Float64Array.from({ length: READINGS }, (_, i) => turn(i)),
      sourceZ: Float64Array.from({ length: READINGS }, (_, i) => (i / READINGS - 0.5) * 30),
      mAsPerReading: new Float64Array(READINGS).fill(25 / 1152),
      rows: ROWS,
      rowPitchMm: 1.2,
      seed: 1,
    }),
  );
  return { value: (READINGS * ROWS * 736) / took / 1e6 };
}

/** Ten seconds of a bed; prompts and delayeds both count. */
async function simulateEvents(): Promise<{ value: number }> {
  const scan = { phantom, petCentreZMm: 0, nuclide: 'F-18', startSeconds: 0, durationSeconds: 10, seed: 1 };
  const rates = await ratesOf(scan);
  let events = 0;
  const took = await seconds(async () => {
    const { prompts, delayeds } = await scanPet({ ...scan, rates });
    events = prompts + delayeds;
  });
  return { value: events / took };
}

export const benchmarks: Benchmark[] = [
  { name: 'ct-project-rays', unit: 'Mrays/s', run: projectRays },
  { name: 'pet-simulate-events', unit: 'events/s', run: simulateEvents },
];
