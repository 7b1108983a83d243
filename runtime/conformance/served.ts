import type { Config } from '../config.js';
import { UNCOMPRESSED } from '../dicom/dataset/transfer-syntax.js';
import { type QueryOperation, syntaxesOf } from '../dicom/services/query-scp-model.js';
import { storageSyntaxes } from '../dicom/storage-classes.js';
import { UIDS } from '../dicom/uids.js';

export interface ServedService {
  service: 'verification' | 'storage' | 'commitment' | 'query' | 'retrieve';
  role: string;
  /** Transfer syntaxes accepted, best first, by abstract syntax. */
  syntaxes: Readonly<Record<string, readonly string[]>>;
}

/** What our DICOM port accepts: statement Tables 6, 9, 17, 28 and 30. */
export function servedServices({ dicom }: Pick<Config, 'dicom'>): ServedService[] {
  const queries = (operation: QueryOperation) => syntaxesOf(operation, dicom.queryModels);
  return [
    { service: 'verification', role: 'SCP', syntaxes: { [UIDS.verification]: UNCOMPRESSED } },
    { service: 'storage', role: 'SCP', syntaxes: storageSyntaxes() },
    { service: 'commitment', role: 'SCU, SCP', syntaxes: { [UIDS.storageCommitment]: UNCOMPRESSED } },
    { service: 'query', role: 'SCP', syntaxes: queries('FIND') },
    { service: 'retrieve', role: 'SCP', syntaxes: { ...queries('MOVE'), ...queries('GET') } },
  ];
}
