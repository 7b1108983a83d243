/** What outlives a process that ends: the scanner, the archive and its outbox. And the tasks that act on it. */
import { ScannerError } from '../../hal/base/errors.js';
import type { RangeInput } from '../../machines/acquisition.types.js';
import type { Tasks } from '../../machines/tasks.js';

export interface World {
  /** Something is armed, exposing or moving. */
  live: boolean;
  madeSafe: number;
  /** X-ray exposures begun, by range. */
  exposures: Record<string, number>;
  scanned: string[];
  startAnnounced: number;
  endAnnounced: string[];
  stored: string[];
  reconstructed: string[];
}

export function freshWorld(): World {
  return {
    live: false,
    madeSafe: 0,
    exposures: {},
    scanned: [],
    startAnnounced: 0,
    endAnnounced: [],
    stored: [],
    reconstructed: [],
  };
}

export function tick(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Each task takes effect in the midst of its time, so that a process may end before and after the effect. */
export function tasksOn(world: World, overrides: Partial<Tasks> = {}): Tasks {
  const acting = (act: (input: RangeInput) => void) => async (input: RangeInput, signal: AbortSignal) => {
    await tick();
    if (signal.aborted) throw new ScannerError('timeout.aborted', { what: 'step' });
    act(input);
    await tick();
    return { at: input.rangeId };
  };
  return {
    inspectHardware: async () => {
      await tick();
      return { decision: world.live ? 'makeSafe' : 'resume', reason: 'restarted' };
    },
    checkRange: acting(() => {}),
    positionRange: acting(() => {
      world.live = true;
    }),
    prepareRange: acting(() => {}),
    armRange: acting(() => {}),
    scanRange: acting(({ rangeId, kind }) => {
      if (kind !== 'pet') world.exposures[rangeId] = (world.exposures[rangeId] ?? 0) + 1;
    }),
    drainRange: acting(({ rangeId }) => {
      world.live = false;
      world.scanned.push(rangeId);
    }),
    makeSafe: async () => {
      world.live = false;
      world.madeSafe++;
      await tick();
      return {};
    },
    announceStart: async () => {
      await tick();
      world.startAnnounced++;
      await tick();
      return {};
    },
    storeResults: async ({ completed }) => {
      await tick();
      world.stored = [...completed];
      await tick();
      return {};
    },
    announceEnd: async ({ status }) => {
      await tick();
      world.endAnnounced.push(status);
      await tick();
      return {};
    },
    inspectExam: async () => {
      await tick();
      return { decision: 'resume', started: world.startAnnounced > 0, ended: world.endAnnounced.length > 0 };
    },
    runReconstruction: async ({ rangeId, progress }) => {
      await tick();
      progress(0.5);
      world.reconstructed.push(rangeId);
      await tick();
      return {};
    },
    inspectReconstruction: async () => ({ decision: 'resume', result: null }),
    sendBatch: async ({ instances }) => ({ acknowledged: instances, refused: [] }),
    requestCommitment: async () => ({}),
    inspectSend: async () => ({ acknowledged: [], committed: [] }),
    ...overrides,
  };
}
