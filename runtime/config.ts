/** The configuration: one JSON file, every key with a default, checked once. */

import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { z } from 'zod';
import { ScannerError } from '../hal/base/errors.js';
import { dicomSchema, port } from './config-dicom.js';
import { type Mistake, mistakesOf } from './config-mistakes.js';
import { aeTitle, nodesSchema, withDefaultsOf } from './config-nodes.js';
import { configKeys } from './config-reference.js';
import { rulesSchema } from './config-rules.js';
import { mppsSchema, worklistQuerySchema } from './config-schedule.js';

/** Mistakes that one message tells. */
const MISTAKES_TOLD = 10;

const service = z
  .strictObject({
    host: z.string().default('127.0.0.1').describe('Address that the service socket and its page listen on.'),
    port: port.default(8484).describe('JSON-RPC over WebSocket at `/rpc`.'),
    tcpPort: port.optional().describe('The same, newline-delimited over TCP.'),
    token: z.string().min(16).optional().meta({
      secret: true,
      fallback: 'made at the first start and kept in the data folder',
      description: 'What clients must show.',
    }),
  })
  .prefault({})
  .describe('The service socket.');

const titled = { ...aeTitle.meta(), fallback: '`aeTitle`' };

const aeTitles = z
  .strictObject({
    worklist: aeTitle.optional().meta({ ...titled, description: 'Of worklist and performed procedure steps: 6.1.3.' }),
    print: aeTitle.optional().meta({ ...titled, description: 'Of print: 6.1.4.' }),
  })
  .prefault({})
  .describe('Titles of services that do not go under `aeTitle`.');

const injection = z
  .strictObject({
    radionuclide: z.string().default('F-18').describe('Name or code value of a coded term.'),
    radiopharmaceutical: z.string().default('FDG').describe('Name or code value of a coded term.'),
    activityMBq: z.number().positive().default(50).meta({ unit: 'MBq', description: 'Activity at the injection.' }),
  })
  .prefault({})
  .describe('What is injected when an examination does not say it.');

const archive = z
  .strictObject({
    url: z
      .string()
      .regex(/^postgres(ql)?:\/\//)
      .optional()
      .meta({
        secret: true,
        form: 'postgres://user:password@host:port/database',
        fallback: 'SQLite in the data folder',
        description: 'A PostgreSQL database for the index and the outbox, which several hosts may share.',
      }),
    folder: z.string().min(1).optional().meta({
      fallback: 'in the data folder',
      description: 'Folder of the objects when hosts share them.',
    }),
  })
  .prefault({})
  .describe('Where images are kept.');

const media = z
  .strictObject({
    sourceAeTitle: aeTitle.default('CsaImageManager').describe('Source AE title of the files of a disc.'),
  })
  .prefault({})
  .describe('Discs that are written.');

const commitment = z
  .strictObject({
    archiveInstalled: z
      .boolean()
      .default(true)
      .describe('An archive system is installed here; without one no commitment is given.'),
    resultHours: z
      .number()
      .positive()
      .max(720)
      .default(24)
      .meta({ unit: 'h', description: 'How long a result is offered to its node.' }),
  })
  .prefault({})
  .describe('What we commit to for others: 6.2.1.');

export const configSchema = z.strictObject({
  aeTitle: aeTitle
    .default('PETRIG')
    .meta({ ...aeTitle.meta(), description: 'Our AE title of storage, commitment and query/retrieve: 6.1.2.' }),
  stationName: z
    .string()
    .max(16)
    .default(() => hostname().slice(0, 16))
    .meta({ fallback: 'the host name', description: 'Station Name (0008,1010).' }),
  institution: z.string().max(64).default('').describe('Institution Name (0008,0080).'),
  institutionAddress: z
    .string()
    .max(1024)
    .default('')
    .describe('Institution Address (0008,0081): lines of street, city, district and country.'),
  department: z.string().max(64).default('PET').describe('Institutional Department Name (0008,1040).'),
  dicom: dicomSchema.prefault({}).describe('Our own DICOM ports.'),
  service,
  nodes: nodesSchema,
  aeTitles,
  qualityFactor: z
    .number()
    .int()
    .min(0)
    .max(100)
    .default(0)
    .describe(
      'Transfer syntaxes proposed for what a user sends: 0 uncompressed, 100 lossless as well, between them lossy as well, in that quality: 6.2.1.',
    ),
  worklistQuery: worklistQuerySchema,
  mpps: mppsSchema,
  hardware: z
    .string()
    .regex(/^(sim|serial:.+|tcp:[^:]+:\d+)$/)
    .default('sim')
    .meta({ form: '`sim`, `serial:DIR` or `tcp:HOST:PORT`', description: 'Where the devices are.' }),
  speed: z
    .number()
    .positive()
    .max(1000)
    .default(1)
    .describe('Scanner seconds a real second. With outside hardware it must equal the hardware’s.'),
  phantom: z.string().default('nema-body').describe('The simulated patient: a phantom’s name or file.'),
  activityScale: z.number().positive().default(1).describe('Factor on the phantom’s activity.'),
  injection,
  seed: z.number().int().nonnegative().default(1).describe('Seed of the simulation.'),
  data: z.string().default('./petrig-data').describe('Folder where everything is kept.'),
  archive,
  markSimulated: z.boolean().default(true).describe('Mark objects as simulated.'),
  uidRoot: z
    .string()
    .regex(/^[0-2](\.(0|[1-9]\d*))+$/)
    .min(3)
    .max(40)
    .optional()
    .meta({ form: 'a UID of 3 to 40 characters', fallback: '`2.25`', description: 'Root of the site’s UIDs.' }),
  sendAttempts: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(8)
    .describe(
      'Tries to reach a destination, with pauses that double from 1 s to 60 s, before its delivery is given up.',
    ),
  commitment,
  media,
  rules: rulesSchema,
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info').describe('What the log tells.'),
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

export type Config = Omit<z.infer<typeof configSchema>, 'nodes'> & { nodes: ReturnType<typeof withDefaultsOf> };
export type ConfigInput = z.input<typeof configSchema>;

/** All keys, as the manual has them. */
export const CONFIG_KEYS = configKeys(configSchema);

/** The configuration with its defaults, or all that is wrong with it. */
export function checkConfig(input: unknown): { config: Config } | { mistakes: Mistake[] } {
  const parsed = checkedSchema.safeParse(input);
  if (!parsed.success) return { mistakes: mistakesOf(parsed.error, input, CONFIG_KEYS) };
  const { dicom, nodes } = parsed.data;
  return { config: { ...parsed.data, nodes: withDefaultsOf(dicom, nodes) } };
}

/** @throws ScannerError config.invalid naming keys, their values and those expected */
export function parseConfig(input: unknown, where = 'given'): Config {
  const checked = checkConfig(input);
  if ('config' in checked) return checked.config;
  const [first, ...rest] = checked.mistakes;
  const others = rest
    .slice(0, MISTAKES_TOLD - 1)
    .map((mistake) => `; ${keyOf(mistake)}: ${mistake.value}; expected ${mistake.expected}`);
  throw new ScannerError('config.invalid', {
    where: `${where}: ${keyOf(first!)}`,
    message: first!.value,
    expected: first!.expected + others.join(''),
  });
}

function keyOf({ key }: Mistake): string {
  return key || 'top level';
}

/** The file's settings with `changes` laid over them (one level of nesting is merged). */
export function loadConfig(file: string | undefined, changes: ConfigInput = {}): Config {
  const read = file ? readConfig(file) : {};
  if (!isRecord(read)) return parseConfig(read, file);
  const merged: Record<string, unknown> = { ...read };
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) continue;
    const nested = isRecord(value) && isRecord(read[key]);
    merged[key] = nested ? { ...(read[key] as object), ...value } : value;
  }
  return parseConfig(merged, file ?? 'command line');
}

/** What a file says, unchecked. @throws ScannerError config.invalid when it is no JSON */
export function readConfig(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const message = (cause as Error).message;
    throw new ScannerError('config.invalid', { where: file, message, expected: 'a JSON object' }, cause);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
