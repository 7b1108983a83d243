import { type CommandName, commandName } from '../../runtime/dicom/dimse/command.js';
import { UIDS } from '../../runtime/dicom/uids.js';

/** How scripts call the services of the hospital. */
export const SERVICE_NAMES = ['any', 'echo', 'storage', 'commitment', 'query', 'retrieve', 'worklist', 'mpps'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

const BY_COMMAND: Readonly<Partial<Record<CommandName, ServiceName>>> = {
  'C-ECHO': 'echo',
  'C-STORE': 'storage',
  'C-FIND': 'query',
  'C-MOVE': 'retrieve',
  'C-GET': 'retrieve',
  'N-ACTION': 'commitment',
  'N-CREATE': 'mpps',
  'N-SET': 'mpps',
  'N-GET': 'mpps',
};

/** Of the three query/retrieve models, PS3.4 C: FIND, MOVE and GET are the last component. */
const QUERY_RETRIEVE = /^1\.2\.840\.10008\.5\.1\.4\.1\.2\.[123]\.([123])$/;

/** The service that an abstract syntax belongs to. */
export function serviceOfClass(sopClass: string): ServiceName {
  if (sopClass === UIDS.verification) return 'echo';
  if (sopClass === UIDS.storageCommitment) return 'commitment';
  if (sopClass === UIDS.modalityWorklist) return 'worklist';
  if (sopClass.startsWith('1.2.840.10008.3.1.2.3.')) return 'mpps';
  const model = QUERY_RETRIEVE.exec(sopClass);
  if (model) return model[1] === '1' ? 'query' : 'retrieve';
  return 'storage';
}

/** The service that a request asks for, and the request's name. */
export function serviceOfRequest(
  command: { CommandField: number },
  sopClass: string,
): { service: ServiceName; name: CommandName | undefined } {
  const name = commandName(command);
  if (sopClass === UIDS.modalityWorklist) return { service: 'worklist', name };
  return { service: (name && BY_COMMAND[name]) ?? serviceOfClass(sopClass), name };
}
