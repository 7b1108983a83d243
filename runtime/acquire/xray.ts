/** Topogram and spiral CT: the table's scan window fires the armed generator, the detector reads while the beam is on. */

import { ScannerError } from '../../hal/base/errors.js';
import { feedPlan } from '../protocol/geometry.js';
import type { CtRange, TopogramRange } from '../protocol/plan.js';
import { isType } from './chainlog.js';
import { type ExposureEnded, exposureOf } from './exposure.js';
import { idleDetector, parkTube, spinTo, travelTo } from './moves.js';
import { mustAccept } from './reply.js';
import type { RangeSteps, StepContext } from './step.js';

type XrayRange = TopogramRange | CtRange;
type XrayContext = StepContext<XrayRange>;

/** The generator's own timer stands this much beyond the planned beam-on time: it is the second line of defence. */
const TIMER_RESERVE = 1.1;
/** No reading for this long (wall ms) while draining means that the detector is stuck. */
const DRAIN_SILENCE_MS = 120_000;
/** Readings a turn of the rotating tube. */
const READINGS_PER_ROTATION = 1152;

async function position(context: XrayContext): Promise<void> {
  const { range, landmarkMm } = context;
  await travelTo(context, feedPlan(range, landmarkMm).start);
  if (range.kind === 'topogram') await parkTube(context, range.tubeAngle);
}

async function prepare(context: XrayContext): Promise<void> {
  const { chain, events, range, landmarkMm, signal } = context;
  const maxSeconds = feedPlan(range, landmarkMm).seconds * TIMER_RESERVE + 0.1;
  const reply = await chain.generator.prepare({ kv: range.kv, ma: range.ma, maxSeconds }, { signal });
  mustAccept(reply, 'generator', 'prepare');
  await idleDetector(context, 'ctdetector');
  if (range.kind === 'ct') await spinTo(context, range.rotationTime);
  await events.until('generator', isType('ready'), { ms: 10_000, what: 'generator ready', signal });
}

async function arm({ chain, range, scanId, signal }: XrayContext): Promise<void> {
  const { rows, rowPitchMm } = range;
  const readingsPerSecond =
    range.kind === 'topogram' ? range.readingsPerSecond : READINGS_PER_ROTATION / range.rotationTime;
  const detector = { scanId, rows, rowPitchMm, readingsPerRotation: READINGS_PER_ROTATION, readingsPerSecond };
  mustAccept(await chain.ctdetector.arm(detector, { signal }), 'ctdetector', 'arm');
  mustAccept(await chain.generator.arm({ trigger: 'window' }, { signal }), 'generator', 'arm');
}

async function scan(context: XrayContext): Promise<void> {
  const { chain, events, range, landmarkMm, clock, signal, onProgress } = context;
  const { stop, speed, windowStart, windowEnd, seconds } = feedPlan(range, landmarkMm);
  const started = clock.now();
  const progress = clock.wall.every(200, () =>
    onProgress(Math.min(1, (clock.now() - started) / (seconds * 1000 + 2000))),
  );
  try {
    mustAccept(await chain.table.feed({ stop, speed, windowStart, windowEnd }, { signal }), 'table', 'feed');
    const ms = ((Math.abs(stop - windowStart) + 200) / speed + 5) * 1000;
    const ended = await events.until('generator', isType('exposureEnded'), { ms, what: 'exposure', signal });
    noteExposure(context, ended);
    await events.until('table', isType('feedEnded'), { ms: 20_000, what: 'table at the end of the feed', signal });
  } finally {
    progress.cancel();
  }
}

function noteExposure(context: XrayContext, ended: ExposureEnded): void {
  const { range, record, scanId, dosePhantom, landmarkMm } = context;
  record.exposure = { scanId, readings: 0, ...exposureOf(range, landmarkMm, dosePhantom, ended) };
  const { reason } = ended;
  if (reason === 'window') return;
  const { seconds } = feedPlan(range, landmarkMm);
  record.deviations.push(`exposure ended by ${reason} after ${ended.seconds.toFixed(3)} s of ${seconds.toFixed(3)} s`);
  const code = reason === 'interlock' || reason === 'emergencyStop' ? 'interlock.open' : 'device.fault';
  const fault = `exposure ended by ${reason}`;
  throw new ScannerError(code, { device: 'generator', fault, reason: fault });
}

async function drain({ chain, events, record, scanId, signal }: XrayContext): Promise<void> {
  const drained = isType('drained');
  const sent = await events.until(
    'ctdetector',
    (event): event is Extract<typeof event, { type: 'drained' }> => drained(event) && event.scanId === scanId,
    { ms: DRAIN_SILENCE_MS * 100, what: 'CT detector to send its readings', signal },
  );
  if (record.exposure) record.exposure.readings = sent.readings;
  mustAccept(await chain.generator.standby({ signal }), 'generator', 'standby');
}

export const xraySteps: RangeSteps<XrayRange> = { position, prepare, arm, scan, drain };
