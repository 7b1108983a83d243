/** PET: bed after bed, frame after frame; the tube is off and the generator in standby. */

import type { PetRingsEvent } from '../../hal/contract/petrings.js';
import { PET_RINGS } from '../../hal/contract/petrings.js';
import { tableForPet } from '../protocol/geometry.js';
import type { PetRange } from '../protocol/plan.js';
import type { FrameRecord } from './acquisition.js';
import { isType } from './chainlog.js';
import { idleDetector, stopRotation, travelTo } from './moves.js';
import { mustAccept } from './reply.js';
import type { RangeSteps, StepContext } from './step.js';

type PetContext = StepContext<PetRange>;

/** Frames a bed at most; frame numbers count up from the range's scan number. */
export const FRAMES_PER_BED = 100;

async function position(context: PetContext): Promise<void> {
  const first = context.range.beds[0]!;
  await travelTo(context, tableForPet(first.centreZ, context.landmarkMm));
}

async function prepare(context: PetContext): Promise<void> {
  const { chain, range, signal } = context;
  await idleDetector(context, 'petrings');
  if (chain.gantry.state.rotation !== 'stopped') await stopRotation(context);
  const [lowerKeV, upperKeV] = PET_RINGS.energyWindowKeV;
  mustAccept(await chain.petrings.setEnergyWindow({ lowerKeV, upperKeV }, { signal }), 'petrings', 'setEnergyWindow');
  if (range.gating !== 'none')
    mustAccept(await chain.gating.enable({ source: range.gating }, { signal }), 'gating', 'enable');
}

/** Nothing radiates: there is nothing to arm. */
async function arm(): Promise<void> {}

async function scan(context: PetContext): Promise<void> {
  const { range, record } = context;
  for (const [bed, { centreZ, seconds }] of range.beds.entries()) {
    const frames = range.frames.length ? range.frames : [seconds];
    for (const [frame, length] of frames.entries()) {
      // resumed: what was kept is not acquired again
      if (record.frames.some((kept) => kept.bed === bed && kept.frame === frame)) continue;
      await travelTo(context, tableForPet(centreZ, context.landmarkMm));
      await acquireFrame(context, { bed, frame, centreZ, seconds: length });
    }
  }
}

async function acquireFrame(
  context: PetContext,
  at: { bed: number; frame: number; centreZ: number; seconds: number },
): Promise<void> {
  const { chain, events, record, signal, clock } = context;
  const frameId = context.scanId + at.bed * FRAMES_PER_BED + at.frame;
  const stop = followProgress(context, at);
  try {
    mustAccept(await chain.petrings.start({ frameId, seconds: at.seconds }, { signal }), 'petrings', 'start');
    const started = await events.until('petrings', ofFrame('frameStarted', frameId), {
      ms: 5000,
      what: 'PET frame',
      signal,
    });
    const ended = await events.until('petrings', ofFrame('frameEnded', frameId), {
      ms: at.seconds * 1000,
      what: 'PET frame',
      signal,
    });
    const drained = await events.until('petrings', ofFrame('drained', frameId), {
      ms: 3_600_000 * clock.speed,
      what: 'PET words',
      signal,
    });
    const inFrame = (t: number) => t >= started.at && t < ended.at;
    const done: FrameRecord = {
      frameId,
      words: drained.words,
      bed: at.bed,
      frame: at.frame,
      centreZ: at.centreZ,
      startedAt: started.at,
      seconds: ended.seconds,
      prompts: 0, // counts and rates are those of the words that arrive
      delayeds: 0,
      singlesPerSecond: 0,
      triggers: events.all('gating').filter((trigger) => inFrame(trigger.at)).length,
    };
    await context.frameDone(done);
    if (ended.reason !== 'time')
      record.deviations.push(`bed ${at.bed + 1}: ended by ${ended.reason} after ${ended.seconds} s`);
  } finally {
    stop();
  }
}

function ofFrame<T extends PetRingsEvent['type']>(type: T, frameId: number) {
  const typed = isType(type);
  return (event: PetRingsEvent): event is Extract<PetRingsEvent, { type: T }> =>
    typed(event) && event.frameId === frameId;
}

function followProgress(
  { clock, range, onProgress }: PetContext,
  at: { bed: number; frame: number; seconds: number },
): () => void {
  const perBed = range.frames.length ? range.frames : [range.beds[at.bed]!.seconds];
  const before = perBed.slice(0, at.frame).reduce((sum, seconds) => sum + seconds, 0);
  const bedSeconds = perBed.reduce((sum, seconds) => sum + seconds, 0);
  const started = clock.now();
  const timer = clock.wall.every(200, () => {
    const now = Math.min(at.seconds, (clock.now() - started) / 1000);
    onProgress((at.bed + (before + now) / bedSeconds) / range.beds.length);
  });
  return () => timer.cancel();
}

async function drain({ chain, range, signal }: PetContext): Promise<void> {
  if (range.gating !== 'none')
    mustAccept(await chain.gating.disable({ source: range.gating }, { signal }), 'gating', 'disable');
}

export const petSteps: RangeSteps<PetRange> = { position, prepare, arm, scan, drain };
