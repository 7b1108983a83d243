/** The simulated PET: activity, phantom and detector rings together. */

import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';
import type { Second } from '../../hal/base/units.js';
import type { KernelOptions } from '../../native/addon.js';
import type { FlatPhantom } from '../../native/phantom.js';
import {
  measurePetRates,
  PET_RINGS,
  type PetEvents,
  type PetRates,
  type PetScene,
  simulatePet,
} from '../../native/physics.js';
import { attenuationPerMm } from './materials.js';
import { nuclide } from './nuclides.js';
import { uniformAt } from './random.js';

interface RingsTable {
  source: string;
  photonEfficiency: number;
  crystalSpread: number;
  tofFwhmPs: number;
  windowPs: number;
  noncollinearFwhmDegrees: number;
  singlesScale: number;
  pollingSeconds: number;
}

/** The rings' figures, with their source. */
export const RINGS: Readonly<RingsTable> = readTable(import.meta.url, './rings.json');

/**
 * Detection efficiency of every crystal of one scanner, [ring][crystal], 0 for virtual ones.
 * @param scanner names the individual scanner: another number, another table
 * @param spread relative standard deviation between crystals
 */
export function crystalEfficiencies(scanner: number, spread = RINGS.crystalSpread): Float32Array {
  return Float32Array.from({ length: PET_RINGS.rings * PET_RINGS.crystals }, (_, i) => {
    const deviation = 2 * uniformAt(scanner, i) - 1; // uniform: no crystal is dead or far better than the rest
    const virtual = Math.floor(i / PET_RINGS.crystals) % 14 === 13 || (i % PET_RINGS.crystals) % 14 === 13;
    return virtual ? 0 : Math.min(1, RINGS.photonEfficiency * (1 + spread * Math.sqrt(3) * deviation));
  });
}

/** The number of the scanner that is simulated unless told otherwise. */
export const SCANNER = 1104;

export interface PetScan {
  phantom: FlatPhantom;
  /** Patient z of the rings' centre. */
  petCentreZMm: number;
  /** As in `F-18`. */
  nuclide: string;
  /** Since the start of the list mode, whole milliseconds. */
  startSeconds: Second;
  durationSeconds: Second;
  /** When the phantom's activity holds, on the same clock; 0 when absent: at the start of the list mode. */
  referenceSeconds?: Second;
  seed: number;
  /** Of `crystalEfficiencies`; those of SCANNER when absent. */
  efficiencies?: Float32Array;
  /** Of `ratesOf` for the same scan: saves measuring them again for each slice of time. */
  rates?: PetRates;
}

function sceneOf(scan: PetScan): PetScene {
  return {
    phantom: scan.phantom,
    attenuation: Float64Array.from(scan.phantom.materialNames, (name) => attenuationPerMm(name, 511)),
    efficiencies: scan.efficiencies ?? crystalEfficiencies(SCANNER),
    petCentreZMm: scan.petCentreZMm,
    positronBranching: nuclide(scan.nuclide).positronBranching,
    seed: scan.seed,
  };
}

/** Expected rates of a scan at the phantom's reference time. @throws ScannerError as `scanPet` */
export async function ratesOf(scan: PetScan, run: KernelOptions = {}): Promise<PetRates> {
  return await measurePetRates(sceneOf(scan), run);
}

/**
 * Acquires list mode. Consecutive slices with one seed and equal `rates` join to one stream.
 * @throws ScannerError operator.unknown for the nuclide, limit.range, native.argument, native.failed, timeout.aborted
 */
export async function scanPet(scan: PetScan, run: KernelOptions = {}): Promise<PetEvents> {
  const scene = sceneOf(scan);
  const rates = scan.rates ?? (await measurePetRates(scene, run));
  const singles = rates.singles.reduce((sum, rate) => sum + rate, 0);
  // far beyond saturation of the real electronics: refuse instead of filling the memory
  if (singles > 2e9)
    throw new ScannerError('limit.range', { what: 'singles rate', value: singles, unit: '1/s', min: 0, max: 2e9 });
  return await simulatePet(
    {
      ...scene,
      rates,
      halfLifeSeconds: nuclide(scan.nuclide).halfLifeSeconds,
      referenceSeconds: scan.referenceSeconds ?? 0,
      startSeconds: scan.startSeconds,
      durationSeconds: scan.durationSeconds,
      tofFwhmPs: RINGS.tofFwhmPs,
      windowPs: RINGS.windowPs,
      noncollinearFwhmDegrees: RINGS.noncollinearFwhmDegrees,
      singlesScale: RINGS.singlesScale,
      pollingSeconds: RINGS.pollingSeconds,
    },
    run,
  );
}
