/** A storage SCP in a process of its own: `store-server.ts FOLDER NETWORK_MS`; prints its port. PETRIG_ADDON=none keeps it from the addon. */

import { join } from 'node:path';
import { DicomServer } from '../../runtime/dicom/services/server.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { CT_IMAGE, clock, log } from './dicom.js';

const [folder = '', networkMs = '1000'] = process.argv.slice(2);
const IMPLICIT = '1.2.840.10008.1.2';
const service = storageService({
  syntaxes: { [CT_IMAGE]: [IMPLICIT] },
  pathFor: ({ sopInstanceUid }) => join(folder, `${sopInstanceUid}.dcm`),
});
const timeouts = { networkMs: Number(networkMs) };
const server = new DicomServer({ port: 0, clock, log, services: [service], timeouts, maxAssociations: 64 });
console.log(await server.listen());
