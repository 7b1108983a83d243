import { ScannerError } from '../../hal/base/errors.js';
import type { Second } from '../../hal/base/units.js';
import { scanListmode } from '../../native/pet.js';
import type { FrameRecord } from '../acquire/acquisition.js';
import type { PetRange } from '../protocol/plan.js';
import type { RawSet } from '../raw/rawset.js';
import { readListmode } from '../raw/reader.js';
import type { ExamRecord } from './record.js';

/**
 * Static list mode cut into frames of these lengths: each bed's words serve all of its frames.
 * @throws ScannerError operator.usage for a dynamic scan, or frames longer than a bed; data.missing, data.truncated
 */
export async function reframed(record: ExamRecord, range: PetRange, frames: readonly Second[]) {
  const acquisition = record.acquisitions[range.id]!;
  const length = frames.reduce((sum, seconds) => sum + seconds, 0);
  const sets = record.rawSets[range.id]!;
  const uids = record.rawUids?.[range.id] ?? [];
  const whole = sets.find(({ frame, seconds }) => frame > 0 || length > seconds + 1e-3);
  if (whole) {
    const message =
      whole.frame > 0
        ? 'the scan was dynamic: its frames stand'
        : `frames of ${length} s in beds of ${whole.seconds} s`;
    throw new ScannerError('operator.usage', { message });
  }
  const cut: { set: RawSet; uid: string; record: FrameRecord }[] = [];
  for (const [i, set] of sets.entries()) {
    const words = await readListmode(set);
    const made = acquisition.frames.find(({ bed }) => bed === set.bed)!;
    let startMs = 0;
    for (const [frame, seconds] of frames.entries()) {
      const part = { startMs, endMs: startMs + seconds * 1000 };
      const { prompts, delayeds } = await scanListmode({ words, ...part });
      const startedAt = set.startedAt + startMs;
      cut.push({
        set: { ...set, frame, part },
        uid: uids[i]!,
        record: { ...made, frame, seconds, startedAt, prompts, delayeds },
      });
      startMs = part.endMs;
    }
  }
  const working: ExamRecord = {
    ...record,
    rawSets: { ...record.rawSets, [range.id]: cut.map(({ set }) => set) },
    rawUids: { ...record.rawUids, [range.id]: cut.map(({ uid }) => uid) },
    acquisitions: {
      ...record.acquisitions,
      [range.id]: { ...acquisition, frames: cut.map((one) => one.record) },
    },
  };
  return { working, again: { ...range, frames: [...frames] } };
}
