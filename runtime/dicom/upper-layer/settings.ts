import { readTable } from '../../../hal/base/table.js';
import { type ServiceName, serviceOf } from '../service-names.js';

/** Waiting times of the network, in wall milliseconds. */
export interface Timeouts {
  /** For the TCP connection, and TLS on it. */
  connectMs: number;
  /** For the answer to our A-ASSOCIATE-RQ. */
  associateMs: number;
  /** For the answer to our A-RELEASE-RQ. */
  releaseMs: number;
  /** ARTIM while a peer has connected and sent nothing. */
  artimMs: number;
  /** ARTIM at the end: for the peer to close the connection after a release, a rejection or an abort. */
  closingMs: number;
  /** Without a single byte moving while a message is under way. */
  networkMs: number;
  /** Without a message on an association that a peer opened. */
  idleMs: number;
  /** For an association that a peer opened, whatever moves on it. */
  lifetimeMs: number;
  /** For the response to any request but those below. */
  responseMs: number;
  /** For the response to a C-STORE. */
  storeMs: number;
  /** For the response to the N-ACTION of a storage commitment. */
  actionMs: number;
  /** For the next response to a query or a retrieval. */
  queryMs: number;
  /** For the next response to a worklist query. */
  worklistMs: number;
  /** For the response to an N-SET of print management. */
  printSetMs: number;
  /** For the response to its other requests. */
  printMs: number;
  /** For the N-EVENT-REPORT of a storage commitment. */
  commitMs: number;
}

interface TimeoutTable {
  defaults: Timeouts;
  /** The first row that fits a request says which time its response has; responseMs when none does. */
  responses: readonly { service: ServiceName; command?: string; wait: keyof Timeouts }[];
}

const TABLE: TimeoutTable = readTable(import.meta.url, '../tables/timeouts.json');

/** The statement's: 6.3. */
export const DEFAULT_TIMEOUTS: Timeouts = TABLE.defaults;

/** How long to wait for the response to a request. @param command as the standard names it: 'C-FIND' */
export function responseTime(timeouts: Timeouts, abstractSyntax: string, command: string): number {
  const service = serviceOf(abstractSyntax);
  const row = TABLE.responses.find((entry) => {
    return entry.service === service && (entry.command === undefined || entry.command === command);
  });
  return timeouts[row?.wait ?? 'responseMs'];
}

/** Longest PDU that we offer to take, bytes: the statement's 28 KB; a site may raise it to 262144. */
export const DEFAULT_MAX_PDU = 28 * 1024;
