/** Modality worklist and performed procedure steps as the configuration describes them: 6.2.3 and 6.2.4 of the statement. */

import { z } from 'zod';

const days = z.number().int().min(0);

export const worklistQuerySchema = z
  .strictObject({
    by: z
      .enum(['aeTitle', 'modality'])
      .default('aeTitle')
      .describe(
        'What a broad query asks for: our own AE title and any modality, or our own modality and any AE title.',
      ),
    modality: z
      .string()
      .regex(/^[A-Z0-9_]{1,16}$/)
      .default('PT')
      .meta({
        form: 'a defined term such as PT or CT',
        description: 'Our own modality, as the hospital schedules it.',
      }),
    daysBefore: days
      .max(365)
      .default(0)
      .meta({ unit: 'days', description: 'Before the actual date, that a broad query asks for.' }),
    daysAfter: days
      .max(365)
      .default(0)
      .meta({ unit: 'days', description: 'After the actual date, that a broad query asks for.' }),
    intervalMinutes: z
      .number()
      .min(0)
      .max(10080)
      .default(60)
      .meta({ unit: 'min', description: 'Between two broad queries; 0: only on request.' }),
    limit: z.number().int().min(1).max(10000).default(200).meta({
      unit: 'entries',
      description: 'Most that are accepted in one worklist; a query that brings more is cancelled.',
    }),
    waitSeconds: z
      .number()
      .positive()
      .max(3600)
      .default(20)
      .meta({ unit: 's', description: 'For each response of a query.' }),
    keepDays: days
      .max(3650)
      .default(30)
      .meta({ unit: 'days', description: 'Entries that were scheduled longer ago are forgotten.' }),
  })
  .prefault({})
  .describe('Queries of the modality worklist: 6.2.3.');

export const mppsSchema = z
  .strictObject({
    completion: z
      .enum(['automatic', 'user'])
      .default('automatic')
      .describe('Who ends the step of an examination that ran to its end: the examination, or the user.'),
    catalogName: z
      .string()
      .min(1)
      .max(16)
      .default('99PETRIG')
      .describe('Coding Scheme Designator (0008,0102) of billing items that are entered without one.'),
    catalogVersion: z
      .string()
      .max(16)
      .default('')
      .describe('Coding Scheme Version (0008,0103) of billing items that are entered without one.'),
  })
  .prefault({})
  .describe('Performed procedure steps: 6.2.4. They go to the node with the service `mpps`.');

export const nodeWorklistSchema = z
  .strictObject({
    removeCancelled: z
      .boolean()
      .default(false)
      .describe(
        'Entries that a complete broad query no longer brings, and whose examination has not begun, are removed.',
      ),
    emptyCharacterSet: z.boolean().default(true).describe('Send Specific Character Set even when it is empty: 6.2.3.'),
    characterSets: z
      .array(
        z
          .string()
          .regex(/^ISO_IR \d+$|^GB18030$|^GBK$/)
          .meta({ form: 'a defined term without code extensions, e.g. `ISO_IR 100`' }),
      )
      .default(['ISO_IR 100', 'ISO_IR 192'])
      .describe('Character sets of query keys that the node reads, best first.'),
  })
  .prefault({})
  .describe('How its worklist is asked and what its answers may do.');
