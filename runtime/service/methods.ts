/** The methods of the service socket. */

import { z } from 'zod';
import { bodyPartTerm } from '../protocol/definition.js';
import type { Operations } from './operations.js';
import { type MethodTable, method, openRpc } from './rpc.js';
import { da, scheduleMethods, supply } from './schedule-methods.js';

const none = z.strictObject({});
/** One value of a text attribute: a backslash would make it two. */
const plainText = z.string().regex(/^[^\\\p{Cc}]*$/u, 'one line without backslash');
const byExam = z.strictObject({ examId: z.string() });

const examRequest = z
  .strictObject({
    protocol: z.string().describe('name in the catalogue, or a JSON file'),
    accession: z.string().max(16).optional().describe('accession number of a worklist entry'),
    steps: z
      .array(z.string().max(16))
      .min(1)
      .optional()
      .describe(
        'scheduled step IDs among its entries, first the one whose study takes the images; all of one day when absent',
      ),
    patientId: z.string().max(64).optional(),
    patientName: z.string().max(324).optional().describe('PN, e.g. DOE^JANE'),
    patientBirthDate: da.optional(),
    patientSex: z.enum(['M', 'F', 'O']).optional(),
    requestedProcedureId: z.string().max(16).optional().describe('of an unscheduled patient'),
    emergency: z.boolean().optional(),
    operator: z.string().max(64).optional(),
    performingPhysician: z.string().max(324).optional(),
    supplies: z.array(supply).max(100).optional().describe('what is used and billed'),
    contrast: plainText.max(64).optional().describe('contrast agent given; empty when it is not named'),
    bodyPart: bodyPartTerm.optional().describe('Body Part Examined instead of the protocol’s'),
    imageComment: plainText.max(1024).optional().describe('what stands in Image Comments'),
    bedSeconds: z.number().positive().optional().describe('seconds a PET bed instead of the protocol'),
    span: z.strictObject({ fromZ: z.number(), toZ: z.number() }).optional().describe('patient mm around the landmark'),
    ma: z.number().positive().optional(),
    injection: z
      .strictObject({ radionuclide: z.string(), radiopharmaceutical: z.string(), activityMBq: z.number().positive() })
      .optional(),
    phantom: z.string().optional().describe('simulated patient'),
  })
  .refine(
    (r) => r.accession !== undefined || r.emergency || (r.patientId !== undefined && r.patientName !== undefined),
    {
      message: 'give accession, or patientId and patientName, or emergency',
      path: ['accession'],
    },
  );

/** @param more methods of other parts, listed with these */
export function serviceMethods(operations: Operations, more: MethodTable = {}): MethodTable {
  const methods: Record<string, MethodTable[string]> = {
    ...more,
    'status.get': method({ summary: 'what runs here', params: none, handler: () => operations.status() }),
    'devices.get': method({
      summary: 'lifecycle, identity and state of every device',
      params: none,
      handler: () => operations.devices(),
    }),
    'interlock.reset': method({
      summary: 'clear the latch after an emergency stop',
      params: none,
      handler: () => operations.resetInterlock(),
    }),
    ...scheduleMethods(operations),
    'exam.start': method({
      summary: 'start an examination',
      params: examRequest,
      handler: (request) => operations.startExam(request),
    }),
    'exam.get': method({
      summary: 'report of one examination',
      params: byExam,
      handler: ({ examId }) => operations.examReport(examId),
    }),
    'exam.list': method({ summary: 'all examinations', params: none, handler: () => operations.examReports() }),
    'exam.wait': method({
      summary: 'answers when the examination and its deliveries have ended',
      params: byExam,
      handler: ({ examId }, { signal }) => operations.examEnd(examId, signal),
    }),
    'exam.abort': method({
      summary: 'stop and discontinue an examination',
      params: z.strictObject({ examId: z.string(), reason: z.string().max(64).default('operator') }),
      handler: ({ examId, reason }) => operations.abortExam(examId, reason),
    }),
    'exam.continue': method({
      summary: 'go on with an interrupted examination',
      params: byExam,
      handler: ({ examId }) => operations.continueExam(examId),
    }),
    'sim.do': method({
      summary:
        'act on the simulated scanner: pressEmergencyStop, openDoor, closeDoor, releaseEmergencyStop, arc, reboot, muteLink, runFaults, stats and more (sim/actions.ts)',
      params: z.looseObject({ do: z.string() }),
      handler: (action) => operations.simulate(action),
    }),
    'log.tail': method({
      summary: 'the last log entries',
      params: z.strictObject({ last: z.number().int().min(1).max(1000).default(100) }),
      handler: ({ last }) => operations.logs(last),
    }),
    'events.subscribe': method({
      summary: 'notifications `event` for progress, examinations, deliveries and devices from now on',
      params: none,
      handler: (_params, context) => {
        const subscription = operations.events$.subscribe((event) => {
          if (!context.notify('event', event)) subscription.unsubscribe();
        });
        context.onClose(() => subscription.unsubscribe());
        return true;
      },
    }),
  };
  methods['rpc.discover'] = method({
    summary: 'this OpenRPC document',
    params: none,
    handler: () => openRpc(methods, operations.version),
  });
  return methods;
}
