import { readTable } from '../../../hal/base/table.js';
import { type ServiceName, serviceOf } from '../service-names.js';

export type TimeoutName =
  | 'connectMs'
  | 'associateMs'
  | 'releaseMs'
  | 'artimMs'
  | 'closingMs'
  | 'networkMs'
  | 'idleMs'
  | 'lifetimeMs'
  | 'responseMs'
  | 'storeMs'
  | 'actionMs'
  | 'queryMs'
  | 'worklistMs'
  | 'printSetMs'
  | 'printMs'
  | 'commitMs';

/** Waiting times of the network, in wall milliseconds; what each is for: `tables/timeouts.json`. */
export type Timeouts = Record<TimeoutName, number>;

interface TimeoutTable {
  meaning: Readonly<Record<TimeoutName, string>>;
  defaults: Timeouts;
  /** The first row that fits a request says which time its response has; responseMs when none does. */
  responses: readonly { service: ServiceName; command?: string; wait: TimeoutName }[];
}

const TABLE: TimeoutTable = readTable(import.meta.url, '../tables/timeouts.json');

/** The statement's: 6.3. */
export const DEFAULT_TIMEOUTS: Timeouts = TABLE.defaults;

/** What each waiting time is for. */
export const TIMEOUT_MEANING = TABLE.meaning;

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
