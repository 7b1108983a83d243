import { readTable } from '../../../hal/base/table.js';

/** Waiting times of the network, in wall milliseconds. */
export interface Timeouts {
  /** For the TCP connection. */
  connectMs: number;
  /** For the answer to our A-ASSOCIATE-RQ. */
  associateMs: number;
  /** For the answer to our A-RELEASE-RQ. */
  releaseMs: number;
  /** ARTIM: for the first PDU of a peer, and for it to close the connection at the end. */
  artimMs: number;
  /** Without a single byte moving while a message is under way. */
  networkMs: number;
  /** Without a message on an association that a peer opened. */
  idleMs: number;
  /** For the response to any request but those below. */
  responseMs: number;
  storeMs: number;
  /** For the response to an N-ACTION. */
  actionMs: number;
  /** For the next response to a C-FIND. */
  findMs: number;
  /** For the N-EVENT-REPORT of a storage commitment. */
  commitMs: number;
}

/** The statement's: 6.3. */
export const DEFAULT_TIMEOUTS: Timeouts = readTable(import.meta.url, '../tables/timeouts.json');

/** Longest PDU that we offer to take, bytes: the statement's 28 KB; a site may raise it to 262144. */
export const DEFAULT_MAX_PDU = 28 * 1024;
