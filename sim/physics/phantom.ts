/** Phantom files: what they may say, and reading them. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ScannerError } from '../../hal/base/errors.js';
import { MAX_CLIPS } from '../../native/phantom.js';
import { MATERIAL_NAMES } from './materials.js';

const FOLDER = fileURLToPath(new URL('./phantoms/', import.meta.url));

const coordinate = z.number().min(-5000).max(5000);
const length = z.number().positive().max(5000);
const vector = z.tuple([coordinate, coordinate, coordinate]);
const direction = z.union([z.enum(['x', 'y', 'z']), vector.refine((v) => Math.hypot(...v) > 1e-6, 'has no length')]);

const common = {
  /** What it stands for. */
  label: z.string().min(1),
  material: z
    .string()
    .refine((name) => MATERIAL_NAMES.includes(name), { error: `not one of ${MATERIAL_NAMES.join(', ')}` }),
  /** Where the shape's middle lies, patient mm. */
  centreMm: vector,
  activityBqPerMl: z.number().nonnegative().max(1e12).default(0),
  /** Half-spaces that cut the shape: of the points p those with normal . p <= offsetMm (unit normal) are kept. */
  clips: z
    .array(
      z.strictObject({
        normal: direction,
        sign: z.union([z.literal(1), z.literal(-1)]).default(1),
        offsetMm: coordinate,
      }),
    )
    .max(MAX_CLIPS)
    .default([]),
};

const shape = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('sphere'), ...common, radiusMm: length }),
  z.strictObject({ kind: z.literal('ellipsoid'), ...common, semiAxesMm: z.tuple([length, length, length]) }),
  z.strictObject({
    kind: z.literal('cylinder'),
    ...common,
    axis: direction.default('z'),
    /** One radius, or two of an ellipse: about z along x and y, about x along y and z, about y along x and z. */
    radiusMm: z.union([length, z.tuple([length, length])]),
    lengthMm: length,
  }),
  z.strictObject({ kind: z.literal('box'), ...common, sizeMm: z.tuple([length, length, length]) }),
]);

const schema = z.strictObject({
  name: z.string().min(1),
  description: z.string(),
  source: z.string(),
  /** In painting order: the later one wins where two overlap. */
  shapes: z.array(shape).max(512),
});

export type PhantomShape = z.infer<typeof shape>;
export type Phantom = z.infer<typeof schema>;
export type Direction = z.infer<typeof direction>;

/** Names of the phantoms that ship with petrig. */
export function phantomNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -5))
    .sort();
}

/**
 * Checks a phantom. @param where names the file in errors.
 * @throws ScannerError config.invalid with the path of the first wrong value
 */
export function parsePhantom(value: unknown, where: string): Phantom {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const path = issue.path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`)).join('');
  throw new ScannerError('config.invalid', {
    where: `${where}: ${path.replace(/^\./, '') || 'phantom'}`,
    message: issue.message,
    expected: 'a phantom as in sim/physics/README.md',
  });
}

/**
 * Reads a shipped phantom by name, or a file by its path.
 * @throws ScannerError operator.unknown, config.invalid
 */
export function loadPhantom(nameOrPath: string): Phantom {
  const shipped = phantomNames().includes(nameOrPath);
  const path = shipped ? `${FOLDER}${nameOrPath}.json` : nameOrPath;
  if (!existsSync(path))
    throw new ScannerError('operator.unknown', { what: 'phantom', name: nameOrPath, known: phantomNames().join(', ') });
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const message = (cause as Error).message;
    throw new ScannerError('config.invalid', { where: path, message, expected: 'a readable JSON file' }, cause);
  }
  return parsePhantom(value, path);
}
