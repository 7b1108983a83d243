/** Modality worklist and performed procedure steps as the configuration describes them: 6.2.3 and 6.2.4 of the statement. */

import { z } from 'zod';

export const worklistQuerySchema = z
  .strictObject({
    /** What a broad query asks for: our own AE title and any modality, or our own modality and any AE title. */
    by: z.enum(['aeTitle', 'modality']).default('aeTitle'),
    /** Our own modality, as the hospital schedules it. */
    modality: z
      .string()
      .regex(/^[A-Z0-9_]{1,16}$/, 'a modality is a defined term such as PT or CT')
      .default('PT'),
    /** Days around the actual date that a broad query asks for; none: that day alone. */
    daysBefore: z.number().int().min(0).max(365).default(0),
    daysAfter: z.number().int().min(0).max(365).default(0),
    /** Between two broad queries; 0: only on request. */
    intervalMinutes: z.number().min(0).max(10080).default(60),
    /** Most entries accepted in one worklist; a query that brings more is cancelled. */
    limit: z.number().int().min(1).max(10000).default(200),
    /** For each response of a query. */
    waitSeconds: z.number().positive().max(3600).default(20),
    /** Entries that were scheduled longer ago are forgotten. */
    keepDays: z.number().int().min(0).max(3650).default(30),
  })
  .prefault({});

export const mppsSchema = z
  .strictObject({
    /** Who ends the step of an examination that ran to its end: the examination, or the user. */
    completion: z.enum(['automatic', 'user']).default('automatic'),
    /** Coding Scheme Designator and Version of billing items that are entered without one. */
    catalogName: z.string().min(1).max(16).default('99PETRIG'),
    catalogVersion: z.string().max(16).default(''),
  })
  .prefault({});

/** Per node: how its worklist is asked and what its answers may do. */
export const nodeWorklistSchema = z
  .strictObject({
    /** Entries that a complete broad query no longer brings, and whose examination has not begun, are removed. */
    removeCancelled: z.boolean().default(false),
    /** Send Specific Character Set even when it is empty. */
    emptyCharacterSet: z.boolean().default(true),
    /** Character sets of query keys that the node reads, best first. */
    characterSets: z
      .array(
        z.string().regex(/^ISO_IR \d+$|^GB18030$|^GBK$/, 'a defined term without code extensions, e.g. ISO_IR 100'),
      )
      .default(['ISO_IR 100', 'ISO_IR 192']),
  })
  .prefault({});
