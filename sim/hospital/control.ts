import { z } from 'zod';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import { items } from '../../runtime/dicom/dataset/dataset.js';
import { type PlainDataset, toPlain } from '../../runtime/dicom/dataset/plain.js';
import type { Hospital } from './hospital.js';
import { keyOf, type StepKey } from './schedule.js';
import { checked, RULE } from './script.js';

/** One line of the control interface is no longer: bytes. */
const MAX_LINE = 1024 * 1024;

const STEP = {
  accessionNumber: z.string().max(16).default(''),
  scheduledProcedureStepId: z.string().max(16).default(''),
};
const NOTHING = z.strictObject({}).default({});

const PARAMS = {
  'rule.add': RULE,
  'rule.remove': z.strictObject({ rule: z.number().int() }),
  'rule.clear': NOTHING,
  'rule.list': NOTHING,
  'worklist.add': z.strictObject({ entry: z.unknown() }),
  'worklist.cancel': z.strictObject(STEP),
  'worklist.reschedule': z.strictObject({
    ...STEP,
    date: z
      .string()
      .regex(/^\d{8}$/)
      .optional(),
    time: z
      .string()
      .regex(/^\d{2,6}$/)
      .optional(),
    stationAeTitle: z.string().min(1).max(16).optional(),
  }),
  'worklist.list': z.strictObject({ aeTitle: z.string().default('RIS') }).prefault({}),
  'mpps.list': NOTHING,
  'instance.list': NOTHING,
  statistics: NOTHING,
} as const;

type Method = keyof typeof PARAMS;
type Params<M extends Method> = z.infer<(typeof PARAMS)[M]>;
type Methods = { [M in Method]: (params: Params<M>) => unknown };

const REQUEST = z.strictObject({
  id: z.union([z.string(), z.number()]).optional(),
  method: z.string(),
  params: z.unknown().optional(),
});

/** The hospital while it runs, by lines of JSON: `{"id":1,"method":"rule.add","params":{...}}` is answered `{"id":1,"result":{...}}`. */
export class HospitalControl {
  readonly #hospital: Hospital;
  readonly #methods: Methods;

  constructor(hospital: Hospital) {
    this.#hospital = hospital;
    const { rules, worklist } = hospital;
    this.#methods = {
      'rule.add': (rule) => ({ rule: rules.add(rule) }),
      'rule.remove': ({ rule }) => {
        if (rules.remove(rule)) return {};
        const known = rules.list().map(({ id }) => id);
        throw new ScannerError('operator.unknown', { what: 'rule', name: rule, known: known.join(', ') || 'none' });
      },
      'rule.clear': () => {
        rules.clear();
        return {};
      },
      'rule.list': () => rules.list().map(({ id, rule, seen, applied }) => ({ id, seen, applied, ...rule })),
      'worklist.add': ({ entry }) => {
        worklist.add(entry as PlainDataset); // checked there
        return {};
      },
      'worklist.cancel': async (key) => {
        await this.#needStep(key);
        worklist.schedule.cancel(key);
        return {};
      },
      'worklist.reschedule': async ({ date, time, stationAeTitle, ...key }) => {
        // one that was cancelled comes back with its new time
        worklist.schedule.reschedule(key, { date, time, stationAeTitle });
        await this.#needStep(key);
        return {};
      },
      'worklist.list': async ({ aeTitle }) => (await worklist.entries(aeTitle)).map(toPlain),
      'mpps.list': () => this.#steps(),
      'instance.list': () => [...hospital.instances.values()],
      statistics: () => hospital.statistics.report(),
    };
  }

  /** Does what a line asks. @returns the answer's line, without its end */
  async answer(line: string): Promise<string> {
    let id: string | number | null = null;
    try {
      const request = checked(REQUEST, parse(line), 'control');
      id = request.id ?? null;
      return JSON.stringify({ id, result: await this.#perform(request.method, request.params) });
    } catch (error) {
      const { code, message } = asScannerError(error);
      return JSON.stringify({ id, error: { code, message } });
    }
  }

  async #perform(method: string, params: unknown): Promise<unknown> {
    if (!Object.hasOwn(PARAMS, method)) {
      const known = Object.keys(PARAMS).join(', ');
      throw new ScannerError('operator.unknown', { what: 'control method', name: method, known });
    }
    return this.#call(method as Method, params);
  }

  #call<M extends Method>(method: M, params: unknown): unknown {
    const schema = PARAMS[method] as unknown as z.ZodType<Params<M>>;
    return this.#methods[method](checked(schema, params, method));
  }

  #steps(): PlainDataset[] {
    return [...this.#hospital.mpps.values()].map(({ sopInstanceUid, status, updates, attributes }) => ({
      sopInstanceUid,
      status,
      updates,
      attributes: toPlain(attributes),
    }));
  }

  /** @throws ScannerError operator.unknown */
  async #needStep(wanted: StepKey): Promise<void> {
    const { worklist, ris } = this.#hospital;
    const keys = (await worklist.entries(ris.aeTitle)).flatMap((entry) =>
      items(entry, 'ScheduledProcedureStepSequence').map((step) => keyOf(entry, step)),
    );
    const names = keys.map(nameOf);
    if (names.includes(nameOf(wanted))) return;
    const known = names.join(', ') || 'none';
    throw new ScannerError('operator.unknown', { what: 'scheduled step', name: nameOf(wanted), known });
  }
}

function nameOf({ accessionNumber, scheduledProcedureStepId }: StepKey): string {
  return `${accessionNumber || '-'}/${scheduledProcedureStepId || '-'}`;
}

/** @throws ScannerError limit.size, config.invalid */
function parse(line: string): unknown {
  if (line.length > MAX_LINE) {
    throw new ScannerError('limit.size', { what: 'control line', value: line.length, max: MAX_LINE });
  }
  try {
    return JSON.parse(line) as unknown;
  } catch (error) {
    throw new ScannerError('config.invalid', {
      where: 'control',
      message: (error as Error).message,
      expected: 'one JSON object a line',
    });
  }
}
