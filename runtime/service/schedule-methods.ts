/** Methods of the modality worklist and of performed procedure steps. */

import { z } from 'zod';
import type { Operations } from './operations.js';
import { type MethodTable, method } from './rpc.js';

export const da = z.string().regex(/^\d{8}$/, 'YYYYMMDD');
const tm = z.string().regex(/^\d{2}(\d{2}(\d{2})?)?$/, 'HH, HHMM or HHMMSS');
/** A matching key: one value, so no backslash and no control characters. */
const key = (max: number) =>
  z
    .string()
    .max(max)
    .regex(/^[^\\\p{Cc}]*$/u, 'one value without backslash')
    .optional();

const range = z.strictObject({
  fromDate: da.optional(),
  toDate: da.optional(),
  fromTime: tm.optional(),
  toTime: tm.optional(),
});

const patientKeys = z.strictObject({
  patientName: key(324),
  patientId: key(64),
  accessionNumber: key(16),
  requestedProcedureId: key(16),
  referringPhysician: key(324),
  performingPhysician: key(324),
  currentLocation: key(64),
  range: range.pick({ fromDate: true, toDate: true }).optional(),
});

export const supply = z.strictObject({
  code: z.string().min(1).max(16),
  scheme: z.string().min(1).max(16).optional().describe('the catalogue of the configuration when absent'),
  meaning: z.string().min(1).max(64),
  quantity: z.number().positive().optional(),
  unit: z.string().max(16).optional().describe('UCUM, e.g. ml'),
});

const order = z.strictObject({
  examId: z.string(),
  description: z.string().min(1).max(64).optional(),
  procedureChanged: z.boolean().optional().describe('the procedure code goes out empty'),
  supplies: z.array(supply).max(100).optional(),
  comment: z.string().max(1024).optional(),
});

export function scheduleMethods({ worklist, mpps }: Operations): MethodTable {
  return {
    'worklist.update': method({
      summary: 'a broad query to the worklist node now; the configured days without a range',
      params: range,
      handler: (wanted) => worklist.update(wanted),
    }),
    'worklist.query': method({
      summary: 'a patient based query to the worklist node',
      params: patientKeys,
      handler: (keys) => worklist.query(keys),
    }),
    'worklist.list': method({
      summary: 'scheduled steps at hand',
      params: z.strictObject({}),
      handler: () => worklist.list(),
    }),
    'mpps.list': method({
      summary: 'performed procedure steps and how far the RIS is told of them',
      params: z.strictObject({}),
      handler: () => mpps.list(),
    }),
    'mpps.send': method({
      summary: 'tell the RIS of a step now: one of an emergency patient, one that it refused, or what was entered',
      params: order,
      handler: ({ examId, ...input }) => mpps.order(examId, 'send', input),
    }),
    'mpps.complete': method({
      summary: 'end the step of an ended examination as COMPLETED',
      params: order,
      handler: ({ examId, ...input }) => mpps.order(examId, 'complete', input),
    }),
    'mpps.discontinue': method({
      summary: 'end the step of an ended examination as DISCONTINUED',
      params: order.extend({ reason: z.string().max(32).optional().describe('key of a reason, e.g. equipment') }),
      handler: ({ examId, ...input }) => mpps.order(examId, 'discontinue', input),
    }),
  };
}
