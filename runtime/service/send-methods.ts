/** Methods of the service socket for sending, and for the status flags of what was sent. */

import { z } from 'zod';
import type { Delivery, SeriesRecord, StudyRecord } from '../archive/archive.js';
import { type MethodTable, method } from './rpc.js';

/** Who wanted a job. */
export type SendOrigin = 'user' | 'exam' | 'rule';

export type SendState = 'waiting' | 'sending' | 'retrying' | 'committing' | 'done' | 'failed' | 'cancelled';

/** One job of the queue. */
export interface SendJob {
  sendId: string;
  node: string;
  origin: SendOrigin;
  state: SendState;
  /** Wall ms since the epoch. */
  at: number;
  endedAt?: number;
  total: number;
  sent: number;
  failed: number;
  /** Instances that the node has committed to, at the job's end; absent where it is not asked. */
  committed?: number;
  error?: string;
}

export interface SendDetail extends SendJob {
  instances: {
    sopInstanceUid: string;
    state: 'waiting' | 'sent' | 'failed';
    /** DIMSE status as the standard prints it. */
    status?: string;
    reason?: string;
    commitment: Delivery['commitment'];
  }[];
}

/** What is to be sent; each narrows the others. */
export interface Selection {
  studyInstanceUid?: string;
  seriesInstanceUid?: string;
  sopInstanceUids?: string[];
  accession?: string;
}

export interface FlaggedStudy extends StudyRecord {
  /** E.g. `AC S?`. */
  flags: string;
}

export interface StudyDetail extends FlaggedStudy {
  series: (SeriesRecord & {
    flags: string;
    /** What its first image is, where the image type is one of the family's. */
    imageType?: string;
    instances: FlaggedInstance[];
  })[];
}

export interface FlaggedInstance {
  sopInstanceUid: string;
  instanceNumber: string;
  flags: string;
}

/** What these methods need done. */
export interface Sending {
  /** @throws ScannerError operator.unknown for a node, operator.usage when nothing is selected, limit.size */
  start(node: string, selection: Selection): Promise<SendJob>;
  list(): SendJob[];
  get(sendId: string): Promise<SendDetail>;
  ended(sendId: string, signal: AbortSignal): Promise<SendJob>;
  cancel(sendId: string): void;
  studies(filter: { patientId?: string; limit: number }): Promise<FlaggedStudy[]>;
  /** @throws ScannerError operator.unknown */
  study(studyInstanceUid: string): Promise<StudyDetail>;
}

const uid = z.string().regex(/^[0-9.]{1,64}$/, 'a UID has up to 64 digits and dots');
const bySend = z.strictObject({ sendId: z.string().max(200) });

export function sendMethods(sending: Sending): MethodTable {
  return {
    'send.start': method({
      summary: 'send objects of the archive to a node: a job that goes on without the client',
      params: z.strictObject({
        node: z.string(),
        studyInstanceUid: uid.optional(),
        seriesInstanceUid: uid.optional(),
        sopInstanceUids: z.array(uid).min(1).max(100_000).optional(),
        accession: z.string().min(1).max(16).optional(),
      }),
      handler: ({ node, ...selection }) => sending.start(node, selection),
    }),
    'send.list': method({ summary: 'send jobs', params: z.strictObject({}), handler: () => sending.list() }),
    'send.get': method({
      summary: 'one send job with the status of each instance',
      params: bySend,
      handler: ({ sendId }) => sending.get(sendId),
    }),
    'send.wait': method({
      summary: 'answers when the job has ended',
      params: bySend,
      handler: ({ sendId }, { signal }) => sending.ended(sendId, signal),
    }),
    'send.cancel': method({
      summary: 'end a send job; what was sent stays sent',
      params: bySend,
      handler: ({ sendId }) => sending.cancel(sendId),
    }),
    'studies.list': method({
      summary: 'studies of the archive with their status flags, newest first',
      params: z.strictObject({
        patientId: z.string().max(64).optional(),
        limit: z.number().int().min(1).max(1000).default(100),
      }),
      handler: (filter) => sending.studies(filter),
    }),
    'studies.get': method({
      summary: 'one study with the flags of its series and instances',
      params: z.strictObject({ studyInstanceUid: uid }),
      handler: ({ studyInstanceUid }) => sending.study(studyInstanceUid),
    }),
  };
}
