/** A scan protocol as the catalogue holds it: JSON, lengths in patient millimetres around the landmark. */

import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ScannerError } from '../../hal/base/errors.js';
import { ORGANS } from './organ.js';
import { petReconSchema } from './petrecon.js';
import { MAX_RANGES } from './plan.js';

const span = { fromZ: z.number(), toZ: z.number() };
const beam = { kv: z.number(), ma: z.number(), rows: z.number().int(), rowPitchMm: z.number() };

/** What the range looks at: it becomes Body Part Examined. */
const organ = z.enum(ORGANS).optional();

/** A code string that stands in Body Part Examined. */
export const bodyPartTerm = z
  .string()
  .regex(/^[A-Z0-9_][A-Z0-9_ ]{0,15}$/, 'capitals, digits, _ and blanks, at most 16');

const topogram = z.strictObject({
  kind: z.literal('topogram'),
  label: z.string().max(64),
  organ,
  ...span,
  ...beam,
  tubeAngle: z.number(),
  tableSpeed: z.number(),
  readingsPerSecond: z.number().positive(),
});

export const ctReconSchema = z.strictObject({
  label: z.string().max(64),
  kernel: z.string(),
  thicknessMm: z.number().positive(),
  incrementMm: z.number().positive(),
  fovMm: z.number().positive(),
  matrix: z.literal(512),
  window: z.strictObject({ center: z.number(), width: z.number().positive() }),
});

const ct = z.strictObject({
  kind: z.literal('ct'),
  label: z.string().max(64),
  organ,
  ...span,
  ...beam,
  rotationTime: z.number(),
  pitch: z.number().positive(),
  recons: z.array(ctReconSchema).min(1),
});

const pet = z.strictObject({
  kind: z.literal('pet'),
  label: z.string().max(64),
  organ,
  ...span,
  secondsPerBed: z.number().positive(),
  gating: z.enum(['none', 'ecg', 'respiration']),
  frames: z.array(z.number().positive()).max(100),
  recons: z.array(petReconSchema).min(1),
});

export const protocolSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9-]+$/),
  title: z.string(),
  /** CTDI phantom that the dose of this protocol refers to. */
  dosePhantom: z.enum(['HEAD', 'BODY']),
  /** Body Part Examined of all ranges, before what their organs say; the study's body region too. */
  bodyPart: bodyPartTerm.optional(),
  ranges: z
    .array(z.discriminatedUnion('kind', [topogram, ct, pet]))
    .min(1)
    .max(MAX_RANGES),
});

export type ProtocolDefinition = z.infer<typeof protocolSchema>;
export type RangeDefinition = ProtocolDefinition['ranges'][number];

const catalogueFolder = new URL('./catalogue/', import.meta.url);

/** Names of the protocols that come with petrig. */
export function protocolNames(): string[] {
  return readdirSync(fileURLToPath(catalogueFolder))
    .filter((file) => file.endsWith('.json'))
    .map((file) => basename(file, '.json'))
    .sort();
}

/**
 * A protocol of the catalogue by name, or one from a file when the name ends in `.json`.
 * @throws ScannerError operator.unknown, config.invalid naming the place in the file
 */
export function loadProtocol(name: string): ProtocolDefinition {
  const own = protocolNames().includes(name);
  if (!own && !name.endsWith('.json')) {
    throw new ScannerError('operator.unknown', { what: 'protocol', name, known: protocolNames().join(', ') });
  }
  const path = own ? fileURLToPath(new URL(`${name}.json`, catalogueFolder)) : name;
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const message = (cause as Error).message;
    throw new ScannerError('config.invalid', { where: path, message, expected: 'a protocol as JSON' }, cause);
  }
  const parsed = protocolSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  throw new ScannerError('config.invalid', {
    where: `${path} at ${issue.path.join('.') || 'its top'}`,
    message: issue.message,
    expected: 'a protocol of runtime/protocol/definition.ts',
  });
}
