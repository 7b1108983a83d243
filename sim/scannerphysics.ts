import { availableParallelism } from 'node:os';
import { blockOf, PET } from '../native/petgeometry.js';
import type { PetRates } from '../native/physics.js';
import type { CtPhysics, CtProjection } from './devices/ctdetector.js';
import type { PetPhysics, PetSlice, PetSliceRequest } from './devices/petrings.js';
import { exposeCt } from './physics/ct.js';
import { crystalEfficiencies, ratesOf, SCANNER, scanPet } from './physics/pet.js';
import { mixSeed } from './seed.js';
import type { World } from './world.js';

const ALL = availableParallelism();
/** Threads that leave a core to the controller, which may live in the same process. */
const SPARING = Math.max(1, ALL - 1);

const CT_SEED = 1;
const PET_SEED = 2;

/** Standard deviation of a measured 511 keV photon, keV: energy resolution 11.5 % FWHM (nominal). */
const ENERGY_SIGMA = (0.115 * 511) / 2.3548;

/** What the CT detector sees of the world. */
export class WorldCt implements CtPhysics {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  project(projection: CtProjection): Promise<Uint16Array> {
    const world = this.#world;
    return exposeCt(
      {
        phantom: world.phantom,
        kVp: projection.kv,
        angles: projection.angles,
        sourceZ: projection.tableMm.map((travel) => world.ctCentreZ(travel)),
        mAsPerReading: projection.mas,
        rows: projection.rows,
        rowPitchMm: projection.rowPitchMm,
        seed: mixSeed(world.seed, CT_SEED, projection.scanId),
        firstReading: projection.first,
      },
      { signal: projection.signal, threads: projection.beamOn ? SPARING : ALL },
    );
  }
}

/** What the PET rings count of the world. Rates of a scene are measured once and kept while nothing changes. */
export class WorldPet implements PetPhysics {
  readonly #world: World;
  #scene: { key: string; rates: PetRates; efficiencies: Float32Array } | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  async slice(request: PetSliceRequest): Promise<PetSlice> {
    const { seed, phantom, patient } = this.#world;
    const petCentreZMm = this.#world.petCentreZ(request.tableMm);
    const scan = {
      phantom,
      petCentreZMm,
      nuclide: patient.nuclide,
      startSeconds: request.startSeconds,
      durationSeconds: request.seconds,
      referenceSeconds: (patient.referenceMs - request.frameStartMs) / 1000,
      seed: mixSeed(seed, PET_SEED, request.frameId),
    };
    const key = JSON.stringify([patient, petCentreZMm, request.lowerKeV, request.upperKeV, request.failedBlocks]);
    if (this.#scene?.key !== key) {
      const efficiencies = efficienciesOf(request);
      this.#scene = { key, efficiencies, rates: await ratesOf({ ...scan, efficiencies }, { signal: request.signal }) };
    }
    const { rates, efficiencies } = this.#scene;
    const events = await scanPet({ ...scan, rates, efficiencies }, { signal: request.signal });
    const { words, prompts, delayeds, singles } = events;
    return { words, prompts, delayeds, singles: singles.reduce((sum, count) => sum + count, 0) };
  }
}

/** Of the scanner that is simulated, [ring][crystal]; made once: it takes long enough to delay a heartbeat. */
const EFFICIENCIES = crystalEfficiencies(SCANNER);

/** Crystals of failed blocks count nothing; the others what the energy window leaves of the photopeak. */
function efficienciesOf({ lowerKeV, upperKeV, failedBlocks }: PetSliceRequest): Float32Array {
  // the table of efficiencies was made with the standard window
  const share = photopeakShare(lowerKeV, upperKeV) / photopeakShare(435, 650);
  const scaled = EFFICIENCIES.map((efficiency) => Math.min(1, efficiency * share));
  if (failedBlocks.length === 0) return scaled;
  const failed = new Set(failedBlocks);
  return scaled.map((efficiency, index) => {
    const block = blockOf(Math.floor(index / PET.crystals), index % PET.crystals);
    return failed.has(block) ? 0 : efficiency;
  });
}

function photopeakShare(lowerKeV: number, upperKeV: number): number {
  return normal((upperKeV - 511) / ENERGY_SIGMA) - normal((lowerKeV - 511) / ENERGY_SIGMA);
}

/** Standard normal distribution function (Abramowitz and Stegun 26.2.17, error below 1e-7). */
function normal(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const poly = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * poly;
  return x >= 0 ? 1 - tail : tail;
}
