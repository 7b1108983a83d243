/** PET kernels: words binned and lines of response projected a second; the peer is the plain Joseph of the tests, one thread. */

import { backprojectPet, forwardPet, histogramListmode, scanListmode, sortListmode } from '../../native/pet.js';
import { linesOfBins, PET } from '../../native/petgeometry.js';
import { josephLine, tofWeight } from '../native/joseph.js';
import { seeded, simulatePrompts } from '../native/petsource.js';
import type { Benchmark } from './benchmark.js';

const FWHM = 540;
const MATRIX = 200;
/** Decays of a 300 mm cylinder: some 800,000 coincidences. */
const DECAYS = 9e6;
const PEER_LINES = 2000;

let prepared: ReturnType<typeof prepare> | undefined;

/** Words, their sorted list and an image. */
async function prepare() {
  const words = simulatePrompts({ radiusMm: 150, halfLengthMm: 100 }, DECAYS, FWHM, 11);
  const bins = await sortListmode({ words, prompts: words.length });
  const random = seeded(1);
  const image = Float32Array.from({ length: 109 * MATRIX * MATRIX }, random);
  const sample = words.filter((_, i) => i % Math.floor(words.length / PEER_LINES) === 0);
  const addresses = sample.map((word) => word - 0x4000_0000);
  const ends = await linesOfBins(addresses.map((address) => address % PET.bins));
  const tofs = [...addresses].map((address) => Math.floor(address / PET.bins));
  return { words, bins, image, ends, tofs };
}

async function data() {
  prepared ??= prepare();
  return await prepared;
}

/** Calls `work` until a second has passed; how often a second. */
async function perSecond(work: () => unknown): Promise<number> {
  await work();
  const from = performance.now();
  let calls = 0;
  while (performance.now() - from < 1000 || calls < 2) {
    await work();
    calls++;
  }
  return (calls * 1000) / (performance.now() - from);
}

/** The peer: forward or back, lines a second. */
async function peer(back: boolean): Promise<number> {
  const { image, ends, tofs } = await data();
  const out = new Float32Array(image.length);
  let keep = 0;
  const runs = await perSecond(() => {
    for (const [i, tof] of tofs.entries()) {
      const weightAt = (mm: number) => (Math.abs(mm - (tof - 6) * 46.77) < 127 ? tofWeight(mm, tof, FWHM) : 0);
      josephLine(ends, 6 * i, MATRIX, weightAt, (voxel, weight) => {
        if (weight === 0) return;
        if (back) out[voxel]! += weight;
        else keep += weight * image[voxel]!;
      });
    }
  });
  if (!Number.isFinite(keep + out[0]!)) throw new Error('the peer went wrong');
  return runs * tofs.length;
}

async function forward(): Promise<number> {
  const { bins, image } = await data();
  const job = { matrix: MATRIX, bins, tofFwhmPs: FWHM, image } as const;
  return (await perSecond(() => forwardPet(job))) * bins.cells.length;
}

async function back(): Promise<number> {
  const { bins } = await data();
  const values = new Float32Array(bins.cells.length).fill(1);
  const job = { matrix: MATRIX, bins, tofFwhmPs: FWHM, values } as const;
  return (await perSecond(() => backprojectPet(job))) * bins.cells.length;
}

async function binning(): Promise<number> {
  const { words } = await data();
  const into = { prompts: new Int16Array(PET.bins), delayeds: new Int16Array(PET.bins) };
  return (await perSecond(() => histogramListmode({ words, into }))) * words.length;
}

async function sorting(): Promise<number> {
  const { words } = await data();
  const run = async () => {
    const { prompts } = await scanListmode({ words });
    await sortListmode({ words, prompts });
  };
  return (await perSecond(run)) * words.length;
}

export const benchmarks: Benchmark[] = [
  { name: 'listmode-bin', unit: 'words/s', run: async () => ({ value: await binning() }) },
  { name: 'listmode-sort', unit: 'words/s', run: async () => ({ value: await sorting() }) },
  {
    name: 'pet-tof-forward-200',
    unit: 'LOR/s',
    peer: 'plain Joseph in TypeScript',
    run: async () => ({ value: await forward(), peer: await peer(false) }),
  },
  {
    name: 'pet-tof-back-200',
    unit: 'LOR/s',
    peer: 'plain Joseph in TypeScript',
    run: async () => ({ value: await back(), peer: await peer(true) }),
  },
];
