import { type ServiceName as NetworkService, serviceOf } from '../../runtime/dicom/service-names.js';

/** How scripts call the services of the hospital. */
export const SERVICE_NAMES = [
  'any',
  'verification',
  'storage',
  'commitment',
  'query',
  'retrieve',
  'worklist',
  'mpps',
] as const satisfies readonly (NetworkService | 'any')[];
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** The service that an abstract syntax belongs to; any for those that the hospital does not have. */
export function serviceOfClass(sopClass: string): ServiceName {
  const service = serviceOf(sopClass);
  return SERVICE_NAMES.find((name) => name === service) ?? 'any';
}
