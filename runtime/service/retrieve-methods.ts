/** Methods of the service socket for searching and importing. */

import { z } from 'zod';
import type { ImportReport, ImportRequest } from '../network/import.js';
import { INPUTS, type Level } from '../network/query-model.js';
import type { SearchResult } from '../network/search.js';
import type { RetrieveEvent } from './operations.js';
import { type MethodTable, method } from './rpc.js';

export interface SearchRequest {
  /** A configured node's name. */
  node: string;
  keys: Record<string, string>;
  level?: Level;
  limit?: number;
}

type Tell = (event: RetrieveEvent) => void;

/** What these methods need done. Both throw ScannerError operator.unknown, operator.usage, peer.*. */
export interface Retrieving {
  search(request: SearchRequest, tell: Tell, cancel: AbortSignal): Promise<SearchResult>;
  importFrom(node: string, request: ImportRequest, tell: Tell, cancel: AbortSignal): Promise<ImportReport>;
}

const uid = z.string().regex(/^[0-9.]{1,64}$/, 'a UID has up to 64 digits and dots');

export function retrieveMethods(retrieval: Retrieving): MethodTable {
  return {
    'query.search': method({
      summary: 'search the patients, studies and series of a node; leaving cancels it',
      params: z.strictObject({
        node: z.string(),
        keys: z.record(z.string(), z.string().max(324)).describe(`any of ${[...INPUTS].join(', ')}`),
        level: z.enum(['PATIENT', 'STUDY', 'SERIES', 'IMAGE']).optional().describe('lowest level to list'),
        limit: z.number().int().positive().max(100_000).optional(),
      }),
      handler: (request, context) =>
        retrieval.search(request, (event) => void context.notify('event', event), context.signal),
    }),
    'query.import': method({
      summary: 'let a node send a study, series or instances to our archive; leaving cancels it',
      params: z.strictObject({
        node: z.string(),
        studyInstanceUid: uid,
        seriesInstanceUid: uid.optional(),
        sopInstanceUids: z.array(uid).min(1).max(10_000).optional(),
        patientId: z.string().max(64).optional(),
      }),
      handler: ({ node, ...request }, context) =>
        retrieval.importFrom(node, request, (event) => void context.notify('event', event), context.signal),
    }),
  };
}
