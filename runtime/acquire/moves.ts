/** Moves that several kinds of range need: each resolves when the device has arrived, or is at rest. */

import { filter, firstValueFrom, type Observable } from 'rxjs';
import { within } from '../../hal/base/deadline.js';
import { isType } from './chainlog.js';
import { mustAccept } from './reply.js';
import type { StepContext } from './step.js';

/** Speed of positioning moves, mm/s. */
const TRAVEL_SPEED = 150;
/** Longest spin-up or spin-down that is waited for, s of scanner time. */
const SPIN_SECONDS = 30;

/** Longest search for the reference marks of the table, s of scanner time. */
const HOMING_SECONDS = 120;

/** A halt that an interruption ordered is over within this, wall ms. */
const HALT_MS = 60_000;

/** Waits until a device is where the next command can be given. @throws ScannerError timeout.stage, timeout.aborted */
async function settled<S>(
  { clock, signal }: StepContext,
  device: { state$: Observable<S> },
  isSettled: (state: S) => boolean,
  { ms, what }: { ms: number; what: string },
): Promise<void> {
  const reached = firstValueFrom(device.state$.pipe(filter(isSettled)));
  await within(reached, { clock: clock.wall, ms, signal, context: { what } });
}

/** A table that has lost its reference (power-up, reboot) finds it before anything else. */
async function home({ chain, events, signal }: StepContext): Promise<void> {
  if (chain.table.state.homed) return;
  mustAccept(await chain.table.home({ signal }), 'table', 'home');
  await events.until('table', isType('homed'), {
    ms: HOMING_SECONDS * 1000,
    what: 'table to find its reference',
    signal,
  });
}

export async function travelTo(context: StepContext, position: number): Promise<void> {
  await settled(context, context.chain.table, ({ moving }) => !moving, { ms: HALT_MS, what: 'table at rest' });
  await home(context);
  const { chain, events, signal } = context;
  const distance = Math.abs(chain.table.state.horizontal - position);
  if (distance < 0.01 && !chain.table.state.moving) return;
  const after = events.all('table').length;
  mustAccept(
    await chain.table.moveHorizontal({ position, speed: TRAVEL_SPEED }, { signal }),
    'table',
    'moveHorizontal',
  );
  const arrived = isType('arrived');
  await events.until(
    'table',
    (event): event is Extract<typeof event, { type: 'arrived' }> =>
      arrived(event) &&
      event.axis === 'horizontal' &&
      Math.abs(event.position - position) < 0.5 &&
      events.all('table').indexOf(event) >= after,
    { ms: (distance / TRAVEL_SPEED + 5) * 1000, what: `table move to ${position.toFixed(1)} mm`, signal },
  );
}

export async function spinTo({ chain, events, signal }: StepContext, rotationTime: number): Promise<void> {
  const { gantry } = chain;
  if (gantry.state.rotation === 'atSpeed' && Math.abs(gantry.state.rotationTime - rotationTime) < 1e-6) return;
  if (gantry.state.rotation !== 'stopped') await stopRotation({ chain, events, signal });
  mustAccept(await gantry.startRotation({ rotationTime }, { signal }), 'gantry', 'startRotation');
  await events.until('gantry', isType('atSpeed'), {
    ms: SPIN_SECONDS * 1000,
    what: `gantry at ${rotationTime} s a turn`,
    signal,
  });
}

export async function parkTube(context: StepContext, angle: number): Promise<void> {
  const { chain, events, signal } = context;
  if (chain.gantry.state.rotation !== 'stopped') await stopRotation(context);
  mustAccept(await chain.gantry.parkTube({ angle }, { signal }), 'gantry', 'parkTube');
  await events.until('gantry', isType('tubeParked'), {
    ms: SPIN_SECONDS * 1000,
    what: `tube at ${angle} degrees`,
    signal,
  });
}

export async function stopRotation({
  chain,
  events,
  signal,
}: Pick<StepContext, 'chain' | 'events' | 'signal'>): Promise<void> {
  const after = events.all('gantry').length;
  mustAccept(await chain.gantry.stopRotation({ signal }), 'gantry', 'stopRotation');
  const stopped = isType('stopped');
  await events.until(
    'gantry',
    (event): event is Extract<typeof event, { type: 'stopped' }> =>
      stopped(event) && events.all('gantry').indexOf(event) >= after,
    { ms: SPIN_SECONDS * 1000, what: 'gantry to stop', signal },
  );
}

/** Longest time in which a detector sends what it has, wall ms: simulated physics may lag far behind. */
const DRAIN_MS = 3_600_000;

/** A detector that an interrupted attempt left at work ends it, and sends its rest, before it takes a new order. */
export async function idleDetector(context: StepContext, name: 'ctdetector' | 'petrings'): Promise<void> {
  const { chain, signal } = context;
  const atRest = () => chain[name].state.phase === 'idle';
  if (atRest()) return;
  if (name === 'ctdetector') mustAccept(await chain.ctdetector.disarm({ signal }), name, 'disarm');
  else mustAccept(await chain.petrings.stop({ signal }), name, 'stop');
  // by its state: the event may have come before this attempt began to listen
  const isIdle = ({ phase }: { phase: string }) => phase === 'idle';
  const patience = { ms: DRAIN_MS, what: `${name} at rest` };
  await settled<{ phase: string }>(context, chain[name], isIdle, patience);
}
