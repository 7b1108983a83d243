import { z } from 'zod';
import { ScannerError } from '../hal/base/errors.js';
import { WIRE_DEVICES } from '../hal/wire/dictionary.js';

const device = z.enum(WIRE_DEVICES);
const source = z.enum(['ecg', 'respiration']);
const block = z.number().int().min(0).max(191);
const celsius = z.number().min(-40).max(150);

/** What a hand, an accident or a script can do to the simulated scanner. The controller can do none of it. */
export const ACTION = z.discriminatedUnion('do', [
  z.strictObject({
    do: z.literal('setPhantom'),
    phantom: z.string().min(1),
    /** Scanner ms at which its activities hold; now when absent. */
    referenceMs: z.number().optional(),
    nuclide: z.string().optional(),
    activityScale: z.number().min(0).max(1e6).optional(),
  }),
  z.strictObject({ do: z.literal('pressEmergencyStop') }),
  z.strictObject({ do: z.literal('releaseEmergencyStop') }),
  z.strictObject({ do: z.literal('openDoor') }),
  z.strictObject({ do: z.literal('closeDoor') }),
  z.strictObject({ do: z.literal('setLoad'), kg: z.number().min(0).max(400) }),
  /** Fields as in sim/physics/physiology.ts; what is left out stays. */
  z.strictObject({
    do: z.literal('setHeart'),
    beatsPerMinute: z.number().min(20).max(250).optional(),
    variability: z.number().min(0).max(0.2).optional(),
    ectopicShare: z.number().min(0).max(1).optional(),
  }),
  z.strictObject({
    do: z.literal('setBreath'),
    periodSeconds: z.number().min(1).max(30).optional(),
    amplitudeMm: z.number().min(0).max(50).optional(),
    driftMmPerMinute: z.number().min(-20).max(20).optional(),
    variability: z.number().min(0).max(1).optional(),
  }),
  z.strictObject({ do: z.literal('connectSignal'), source, connected: z.boolean() }),
  z.strictObject({ do: z.literal('arc') }),
  z.strictObject({ do: z.literal('setAnodeHeat'), heat: z.number().min(0).max(1e7) }),
  z.strictObject({ do: z.literal('breakEncoder'), broken: z.boolean() }),
  z.strictObject({ do: z.literal('setDetectorTemperature'), celsius }),
  z.strictObject({ do: z.literal('failBlock'), block }),
  z.strictObject({ do: z.literal('repairBlocks') }),
  z.strictObject({ do: z.literal('setBlockTemperature'), block, celsius }),
  z.strictObject({ do: z.literal('reboot'), device }),
  /** Cuts a control link off for some wall seconds. */
  z.strictObject({ do: z.literal('muteLink'), device, seconds: z.number().min(0).max(3600) }),
  /** Starts a fault script. */
  z.strictObject({ do: z.literal('runFaults'), script: z.unknown() }),
  z.strictObject({ do: z.literal('stats') }),
]);

export type SimAction = z.infer<typeof ACTION>;

/** Checks an action that came from outside. @throws ScannerError config.invalid naming the first wrong value */
export function parseAction(value: unknown, where = 'simulator action'): SimAction {
  return checked(ACTION, value, where);
}

export function checked<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const path = issue.path.map(String).join('.');
  throw new ScannerError('config.invalid', {
    where: path ? `${where}: ${path}` : where,
    message: issue.message,
    expected: 'an action of sim/actions.ts',
  });
}
