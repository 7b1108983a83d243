import { asScannerError, type ScannerError } from '../../hal/base/errors.js';
import { UNCOMPRESSED } from '../dicom/dataset/transfer-syntax.js';
import { COMMAND_FIELD } from '../dicom/dimse/command.js';
import { PRINT } from '../dicom/services/print-attributes.js';
import { QUERY_MODELS, querySopClass } from '../dicom/services/query-scp-model.js';
import { needSuccess, type ScuOptions, withChannel } from '../dicom/services/session.js';
import { STORAGE_CLASSES, SYNTAX_LISTS } from '../dicom/storage-classes.js';
import { UIDS } from '../dicom/uids.js';
import { responseTime } from '../dicom/upper-layer/settings.js';

export type VerifiedService = 'storage' | 'commitment' | 'query' | 'retrieve' | 'worklist' | 'mpps' | 'print';

/** Abstract syntaxes that a service stands on: what we propose when we use it. */
const SYNTAXES: Readonly<Record<VerifiedService, readonly string[]>> = {
  storage: STORAGE_CLASSES.filter(({ scu }) => scu).map(({ uid }) => uid),
  commitment: [UIDS.storageCommitment],
  query: QUERY_MODELS.map((model) => querySopClass('FIND', model)),
  retrieve: QUERY_MODELS.map((model) => querySopClass('MOVE', model)),
  worklist: [UIDS.modalityWorklist],
  mpps: [UIDS.modalityPerformedProcedureStep],
  print: Object.values(PRINT.metaClasses),
};

export interface ServiceVerification {
  service: VerifiedService | 'verification';
  /** The node let us in with the title of this service. */
  accepted: boolean;
  /** Wall milliseconds of the C-ECHO; absent where the node does not offer verification. */
  echoMs?: number;
  /** Abstract syntaxes of the service that it accepted, of those proposed. */
  contexts: number;
  proposed: number;
  /** Why it is not usable. */
  error?: { code: string; message: string };
}

export interface VerifyOptions extends Omit<ScuOptions, 'callingAe'> {
  services: readonly VerifiedService[];
  /** The title that we go under for a service: statement 6.1. */
  titleFor(service: VerifiedService | 'verification'): string;
}

/**
 * C-ECHO to a node, once for each of its services and with that service's AE title and presentation contexts: statement 2.1.
 * One association at a time. Never rejects for what the node does: that is the result.
 */
export async function verifyNode(options: VerifyOptions): Promise<ServiceVerification[]> {
  const results: ServiceVerification[] = [];
  const wanted = options.services.length > 0 ? options.services : (['verification'] as const);
  for (const service of wanted) results.push(await verifyService(options, service));
  return results;
}

async function verifyService(
  options: VerifyOptions,
  service: ServiceVerification['service'],
): Promise<ServiceVerification> {
  const syntaxes = service === 'verification' ? [] : SYNTAXES[service];
  const result: ServiceVerification = { service, accepted: false, contexts: 0, proposed: syntaxes.length };
  const proposals = [UIDS.verification, ...syntaxes].map((abstractSyntax) => {
    return { abstractSyntax, transferSyntaxes: service === 'storage' ? SYNTAX_LISTS.uncompressed : UNCOMPRESSED };
  });
  try {
    await withChannel({ ...options, callingAe: options.titleFor(service) }, proposals, async (channel) => {
      const { association } = channel;
      result.accepted = true;
      result.contexts = syntaxes.filter((uid) => association.contextFor(uid)).length;
      const context = association.contextFor(UIDS.verification);
      if (!context) return;
      const command = { CommandField: COMMAND_FIELD['C-ECHO'], AffectedSOPClassUID: UIDS.verification };
      const timeoutMs = responseTime(association.options.timeouts, UIDS.verification, 'C-ECHO');
      const started = options.clock.wall.now();
      needSuccess(channel, 'C-ECHO', await channel.request(context, command, undefined, timeoutMs));
      result.echoMs = options.clock.wall.now() - started;
    });
  } catch (thrown) {
    const { code, message }: ScannerError = asScannerError(thrown);
    result.error = { code, message };
  }
  return result;
}

/** True when the node can be used for the service: it let us in, answered, and took at least one of its contexts. */
export function isUsable({ service, error, echoMs, contexts }: ServiceVerification): boolean {
  if (error) return false;
  return service === 'verification' ? echoMs !== undefined : contexts > 0;
}
