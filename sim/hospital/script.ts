import { z } from 'zod';
import { ScannerError } from '../../hal/base/errors.js';
import { isUid } from '../../runtime/dicom/dataset/uid.js';
import { COMMAND_FIELD, type CommandName } from '../../runtime/dicom/dimse/command.js';
import { SERVICE_NAMES } from './service-names.js';

const UID = z.string().refine(isUid, 'expected a UID');
const AE_TITLE = z.string().min(1).max(16);
const COMMANDS = Object.keys(COMMAND_FIELD) as [CommandName, ...CommandName[]];

/** Which associations or requests a rule is for. */
const WHEN = z.strictObject({
  callingAe: AE_TITLE.optional(),
  calledAe: AE_TITLE.optional(),
  sopClass: UID.optional(),
  command: z.enum(COMMANDS).optional(),
  /** Only the n-th that all of the above lets by. */
  nth: z.number().int().min(1).optional(),
  /** The first so many are left alone. */
  after: z.number().int().min(0).optional(),
  /** At most so many times. */
  count: z.number().int().min(1).optional(),
  /** By lot, seeded: 0 never, 1 always. */
  chance: z.number().min(0).max(1).optional(),
});

/**
 * The moment something happens. associate: instead of A-ASSOCIATE-AC; accepted: right after it; request: when the command is
 * there, nothing is performed; data: within the request's dataset; answer: instead of the response; mid-pdu: within the
 * response; after-answer; release: instead of A-RELEASE-RP.
 */
export const MOMENTS = [
  'associate',
  'accepted',
  'request',
  'data',
  'answer',
  'mid-pdu',
  'after-answer',
  'release',
] as const;
const at = z.enum(MOMENTS).default('answer');
/** Of a request with many responses: so many pending ones pass first. */
const afterPending = z.number().int().min(0).default(0);
const ms = z.number().min(0).max(86_400_000);

/** Names of the rejections: PS3.8 table 9-21. */
export const REJECTIONS = {
  'no-reason': [1, 1, 1],
  'application-context': [1, 1, 2],
  'calling-ae': [1, 1, 3],
  'called-ae': [1, 1, 7],
  'acse-no-reason': [1, 2, 1],
  'protocol-version': [1, 2, 2],
  congestion: [2, 3, 1],
  'local-limit': [2, 3, 2],
} as const satisfies Record<string, readonly [result: number, source: number, reason: number]>;

/** Results of a refused presentation context: PS3.8 table 9-18. */
export const CONTEXT_RESULTS = {
  user: 1,
  'no-reason': 2,
  'abstract-syntax': 3,
  'transfer-syntaxes': 4,
} as const;

const STRIKES = [
  z.strictObject({
    action: z.literal('abort'),
    at,
    afterPending,
    source: z.enum(['user', 'provider']).default('user'),
    reason: z.number().int().min(0).max(255).default(0),
  }),
  z.strictObject({ action: z.literal('close'), at, afterPending, reset: z.boolean().default(false) }),
  z.strictObject({
    action: z.literal('garbage'),
    at,
    afterPending,
    bytes: z.number().int().min(1).max(1_000_000).default(256),
  }),
  z.strictObject({ action: z.literal('release'), at, afterPending }),
  z.strictObject({ action: z.literal('accept-again'), at, afterPending }),
] as const;

const ACTION = z.discriminatedUnion('action', [
  z.strictObject({
    action: z.literal('reject'),
    reason: z.enum(Object.keys(REJECTIONS) as [keyof typeof REJECTIONS]).default('no-reason'),
  }),
  z.strictObject({
    action: z.literal('refuse-context'),
    result: z.enum(Object.keys(CONTEXT_RESULTS) as [keyof typeof CONTEXT_RESULTS]).default('abstract-syntax'),
    /** Those of which contexts are refused; all when absent. */
    sopClasses: z.array(UID).min(1).optional(),
  }),
  z.strictObject({
    action: z.literal('refuse-syntax'),
    transferSyntaxes: z.array(UID).min(1),
    sopClasses: z.array(UID).min(1).optional(),
  }),
  z.strictObject({ action: z.literal('max-pdu'), bytes: z.number().int().min(0).max(0xffffffff) }),
  z.strictObject({ action: z.literal('slow'), bytesPerSecond: z.number().min(1) }),
  ...STRIKES,
  z.strictObject({ action: z.literal('silence'), at: z.enum(['associate', 'answer', 'release']).default('answer') }),
  z.strictObject({
    action: z.literal('delay'),
    at: z.enum(['associate', 'answer', 'release']).default('answer'),
    ms,
    /** Up to so much more, by lot. */
    jitterMs: ms.default(0),
  }),
  z.strictObject({
    action: z.literal('status'),
    status: z.string().regex(/^[0-9A-Fa-f]{4}$/),
    comment: z.string().max(64).optional(),
    afterPending,
  }),
  z.strictObject({ action: z.literal('duplicate'), times: z.number().int().min(2).max(100).default(2) }),
  z.strictObject({ action: z.literal('wrong-id'), messageId: z.number().int().min(0).max(65535).optional() }),
  z.strictObject({ action: z.literal('wrong-length'), of: z.enum(['pdu', 'pdv', 'element']), by: z.number().int() }),
  z.strictObject({
    action: z.literal('pending'),
    everyMs: z.number().min(1).max(3_600_000).default(50),
    ignoreCancel: z.boolean().default(false),
  }),
  z.strictObject({
    action: z.literal('commitment'),
    /** What the result says: all safe, none, the second half not; undefined tells the truth. */
    says: z.enum(['committed', 'failed', 'partial']).optional(),
    /** Failure Reason of those that the result says are not safe. */
    failureReason: z
      .string()
      .regex(/^[0-9A-Fa-f]{4}$/)
      .default('0110'),
    delayMs: ms.default(0),
    /** How often the result is sent: 0 never. */
    times: z.number().int().min(0).max(100).default(1),
    association: z.enum(['same', 'separate']).optional(),
    /** What the result gets wrong. */
    wrong: z.enum(['transaction', 'instances', 'classes', 'event-type', 'nothing']).default('nothing'),
  }),
]);

export const RULE = z.strictObject({
  service: z.enum(SERVICE_NAMES).default('any'),
  when: WHEN.default({}),
  do: ACTION,
});
export const SCRIPT = z.strictObject({ name: z.string().min(1).default('script'), rules: z.array(RULE).max(1000) });

/** What the hospital does wrong, to whom and how often. */
export type Rule = z.infer<typeof RULE>;
export type RuleInput = z.input<typeof RULE>;
export type Script = z.infer<typeof SCRIPT>;
export type Action = z.infer<typeof ACTION>;
export type Moment = (typeof MOMENTS)[number];
export type ActionOf<N extends Action['action']> = Extract<Action, { action: N }>;
/** Things that end or break the conversation at a moment. */
export type Strike = ActionOf<'abort' | 'close' | 'garbage' | 'release' | 'accept-again'>;

/** @throws ScannerError config.invalid naming the first wrong value */
export function parseScript(value: unknown, where = 'hospital script'): Script {
  return checked(SCRIPT, value, where);
}

/** @throws ScannerError config.invalid naming the first wrong value */
export function checked<T>(schema: z.ZodType<T>, value: unknown, where: string): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const first = result.error.issues[0]!;
  const path = first.path.join('.');
  throw new ScannerError('config.invalid', {
    where: path ? `${where}: ${path}` : where,
    message: first.message,
    expected: 'a value as in docs/hospital.md',
  });
}
