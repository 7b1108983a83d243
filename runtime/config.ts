/** The configuration: one JSON file, every key with a default, checked once. */

import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { ScannerError } from '../hal/base/errors.js';
import { dicomSchema, port } from './config-dicom.js';
import { aeTitle, nodesSchema, withDefaultsOf } from './config-nodes.js';
import { rulesSchema } from './config-rules.js';
import { mppsSchema, worklistQuerySchema } from './config-schedule.js';

export const configSchema = z.strictObject({
  aeTitle: aeTitle.default('PETRIG'),
  stationName: z
    .string()
    .max(16)
    .default(() => hostname().slice(0, 16)),
  institution: z.string().max(64).default(''),
  dicom: dicomSchema.prefault({}),
  service: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: port.default(8484),
      tcpPort: port.optional(),
      /** Made at the first start and kept in the data folder when absent. */
      token: z.string().min(16).optional(),
    })
    .prefault({}),
  /** Remote nodes and the services that each offers: chapter 6 of the statement. */
  nodes: nodesSchema,
  /** Titles of services that do not go under `aeTitle`, which is that of storage, commitment and query/retrieve: 6.1.3, 6.1.4. */
  aeTitles: z.strictObject({ worklist: aeTitle.optional(), print: aeTitle.optional() }).prefault({}),
  /** Transfer syntaxes proposed for what a user sends: 0 uncompressed, 100 lossless as well, between them lossy as well: 6.2.1. */
  qualityFactor: z.number().int().min(0).max(100).default(0),
  worklistQuery: worklistQuerySchema,
  mpps: mppsSchema,
  /** `sim`, `serial:DIR` or `tcp:HOST:PORT`. */
  hardware: z
    .string()
    .regex(/^(sim|serial:.+|tcp:[^:]+:\d+)$/, 'expected sim, serial:DIR or tcp:HOST:PORT')
    .default('sim'),
  /** Scanner seconds a wall second. With outside hardware it must equal the hardware's. */
  speed: z.number().positive().max(1000).default(1),
  /** The simulated patient: a phantom's name or file. */
  phantom: z.string().default('nema-body'),
  /** Factor on the phantom's activity. */
  activityScale: z.number().positive().default(1),
  /** What is injected when an examination does not say it; names or code values of the coded terms. */
  injection: z
    .strictObject({
      radionuclide: z.string().default('F-18'),
      radiopharmaceutical: z.string().default('FDG'),
      activityMBq: z.number().positive().default(50),
    })
    .prefault({}),
  seed: z.number().int().nonnegative().default(1),
  data: z.string().default('./petrig-data'),
  archive: z
    .strictObject({
      /** A PostgreSQL database for the index and the outbox, which several hosts may share; SQLite in the data folder when absent. */
      url: z
        .string()
        .regex(/^postgres(ql)?:\/\//, 'expected postgres://user:password@host:port/database')
        .optional(),
      /** Folder of the objects when hosts share them; the data folder when absent. */
      folder: z.string().min(1).optional(),
    })
    .prefault({}),
  /** Mark objects as simulated. */
  markSimulated: z.boolean().default(true),
  /** Root of the site's UIDs instead of 2.25. */
  uidRoot: z
    .string()
    .regex(/^[0-9.]{3,40}$/)
    .optional(),
  /** Tries to reach a destination, with pauses that double from 1 s to 60 s, before its delivery is given up. */
  sendAttempts: z.number().int().min(1).max(1000).default(8),
  /** What we commit to for others: 6.2.1. */
  commitment: z
    .strictObject({
      /** An archive system is installed here; without one no commitment is given. */
      archiveInstalled: z.boolean().default(true),
      /** How long a result is offered to its node. */
      resultHours: z.number().positive().max(720).default(24),
    })
    .prefault({}),
  rules: rulesSchema,
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
});

const checkedSchema = configSchema.superRefine(({ dicom, nodes, rules }, context) => {
  rules.forEach((rule, index) => {
    const to = rule.do === 'send' ? nodes.find(({ name }) => name === rule.to) : undefined;
    if (rule.do !== 'send' || to?.services.includes('storage')) return;
    const message = `${rule.to} is no node with the service storage`;
    context.addIssue({ code: 'custom', path: ['rules', index, 'to'], message });
  });
  if (dicom.tls) return;
  nodes.forEach(({ name, tls }, index) => {
    if (tls?.incoming !== 'tls') return;
    const message = `${name} is to come over TLS only, and dicom.tls is not set: set it, or incoming to any`;
    context.addIssue({ code: 'custom', path: ['nodes', index, 'tls', 'incoming'], message });
  });
});

export type Config = z.infer<typeof configSchema>;
export type ConfigInput = z.input<typeof configSchema>;

/** @throws ScannerError config.invalid naming the key and what it expects */
export function parseConfig(input: unknown, where = 'given'): Config {
  const parsed = checkedSchema.safeParse(input);
  if (parsed.success) {
    const { dicom, nodes } = parsed.data;
    return { ...parsed.data, nodes: withDefaultsOf(dicom, nodes) };
  }
  const [first, ...rest] = parsed.error.issues;
  const told = ({ path, message }: z.core.$ZodIssue) => `${path.join('.') || 'top level'}: ${message}`;
  throw new ScannerError('config.invalid', {
    where: `${where}: ${first!.path.join('.') || 'top level'}`,
    message: [first!.message, ...rest.slice(0, 9).map(told)].join('; '),
    expected: 'keys of runtime/config.ts with values of their type',
  });
}

/** The file's settings with `changes` laid over them (one level of nesting is merged). */
export function loadConfig(file: string | undefined, changes: ConfigInput = {}): Config {
  let base: Record<string, unknown> = {};
  if (file) {
    try {
      base = JSON.parse(readFileSync(file, 'utf8'));
    } catch (cause) {
      const message = (cause as Error).message;
      throw new ScannerError('config.invalid', { where: file, message, expected: 'a JSON object' }, cause);
    }
  }
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) continue;
    const nested = isRecord(value) && isRecord(base[key]);
    merged[key] = nested ? { ...(base[key] as object), ...value } : value;
  }
  return parseConfig(merged, file ?? 'command line');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
