import { readTable } from '../../../hal/base/table.js';
import type { AssociateRj } from './pdu.js';

export type RejectionName =
  | 'noReason'
  | 'applicationContext'
  | 'callingAe'
  | 'calledAe'
  | 'providerNoReason'
  | 'protocolVersion'
  | 'congestion'
  | 'localLimit';

/** The rejections of PS3.8 table 9-21: result 1 is for good, 2 for now. */
const ROWS: Readonly<Record<RejectionName, { result: number; source: number; reason: number; text: string }>> =
  readTable(import.meta.url, '../tables/rejections.json');

export function rejection(name: RejectionName): AssociateRj {
  const { result, source, reason } = ROWS[name];
  return { type: 'associate-rj', result, source, reason };
}

/** What a peer's rejection says. */
export function rejectionText({ source, reason }: AssociateRj): string {
  const row = Object.values(ROWS).find((entry) => entry.source === source && entry.reason === reason);
  return row?.text ?? `source ${source} reason ${reason}`;
}
