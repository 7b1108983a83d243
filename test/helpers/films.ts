/** Films for cameras: sheets whose pixels are known, and queues of a test's own. */

import { join } from 'node:path';
import type { Fact } from '../../runtime/archive/fact.js';
import type { Node } from '../../runtime/dicom/services/session.js';
import type { CameraSettings } from '../../runtime/film/camera-settings.js';
import { FilmQueues, type FilmQueuesOptions } from '../../runtime/film/film-queues.js';
import type { FilmSheet } from '../../runtime/film/film-sheet.js';
import { clock, log } from './dicom.js';

/** A ramp from black to white along the columns, its first pixel white. */
export function ramp(rows: number, columns: number, bits: 8 | 12, samples = 1): Uint8Array {
  const top = 2 ** bits - 1;
  const values = bits > 8 ? new Uint16Array(rows * columns * samples) : new Uint8Array(rows * columns * samples);
  for (let i = 0; i < values.length; i++) {
    const column = Math.floor(i / samples) % columns;
    values[i] = samples === 1 ? Math.round((column / (columns - 1)) * top) : (column * (1 + (i % samples))) % 256;
  }
  values[0] = top;
  return new Uint8Array(values.buffer);
}

/** A film of one image, grey 8 bits on 8INX10IN unless `more` says otherwise. */
export function filmSheet(more: Partial<FilmSheet> = {}, bits: 8 | 12 = 8): FilmSheet {
  const [rows, columns] = [60, 80];
  const pixels = ramp(rows, columns, bits, more.color === 'color' ? 3 : 1);
  return {
    color: 'grayscale',
    displayFormat: 'STANDARD\\1,1',
    filmSize: '8INX10IN',
    orientation: 'PORTRAIT',
    magnification: 'REPLICATE',
    borderDensity: 'BLACK',
    emptyImageDensity: 'BLACK',
    boxes: [{ position: 1, rows, columns, bitsStored: bits, pixels }],
    annotations: {
      number: 1,
      of: 1,
      patientName: 'DOE^JANE',
      patientId: 'P1',
      studyInstanceUids: ['2.25.1'],
      sopInstanceUids: ['2.25.3'],
    },
    ...more,
  };
}

export function cameraAt(node: Node, more: Partial<CameraSettings> = {}): CameraSettings {
  return {
    name: node.aeTitle,
    node,
    color: false,
    bits: 12,
    pixelSizeMicrometre: 78,
    films: [{ size: '8INX10IN' }, { size: '14INX17IN' }],
    borderDensity: 'BLACK',
    emptyImageDensity: 'BLACK',
    magnification: 'CUBIC',
    mediumType: 'CLEAR FILM',
    filmDestination: 'PROCESSOR',
    vendors: [],
    maxJobs: 20,
    maxCopies: 5,
    keepPrinted: 50,
    ...more,
  };
}

export interface TestQueues {
  queues: FilmQueues;
  /** What came into the outbox. */
  facts: Fact[];
}

export async function startQueues(
  folder: string,
  cameras: readonly CameraSettings[],
  more: Partial<FilmQueuesOptions> = {},
): Promise<TestQueues> {
  const facts: Fact[] = [];
  const archive = {
    putFacts: async (...put: Fact[]) => {
      facts.push(...put);
      return [];
    },
  };
  const options = { folder: join(folder, 'film'), cameras, callingAe: 'PETRIG', archive, clock, log };
  const queues = await FilmQueues.start({ ...options, firstPauseMs: 20, attemptLimit: 3, ...more });
  return { queues, facts };
}

/** Resolves when `condition` holds; says what it waited for when that takes longer than `ms`. */
export async function eventually(what: string, condition: () => boolean, ms = 8000): Promise<void> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${ms} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
