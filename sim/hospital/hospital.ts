import { join } from 'node:path';
import type { Clock } from '../../hal/base/clock.js';
import type { Log } from '../../hal/base/log.js';
import type { PlainDataset } from '../../runtime/dicom/dataset/plain.js';
import { DicomServer, verificationService } from '../../runtime/dicom/services/server.js';
import type { Node } from '../../runtime/dicom/services/session.js';
import { type MppsRecord, MppsStore } from './mpps.js';
import { Pacs, type StoredInstance } from './pacs.js';
import { Worklist } from './worklist.js';

export interface HospitalOptions {
  /** Scheduled steps, or a folder of *.json files with them, read anew for every query. */
  worklist: readonly PlainDataset[] | string;
  /** The PACS keeps its objects in `<dataDir>/pacs`, and knows those which are there from before. */
  dataDir: string;
  /** Default 11113; 0 takes a free one. */
  risPort?: number;
  /** Default 11114; 0 takes a free one. */
  pacsPort?: number;
  /** Modalities that get commitment results on an association of their own. */
  callbacks?: readonly Node[];
  /** Address of the modality-facing servers; default 127.0.0.1. */
  host?: string;
  clock: Clock;
  log: Log;
}

export interface Hospital {
  ris: Node;
  pacs: Node;
  worklist: Worklist;
  /** Performed procedure steps by SOP Instance UID. */
  mpps: ReadonlyMap<string, MppsRecord>;
  /** Stored objects by SOP Instance UID. */
  instances: ReadonlyMap<string, StoredInstance>;
  close(): Promise<void>;
}

const RIS_PORT = 11113;
const PACS_PORT = 11114;
/** Hospitals take large PDUs. */
const MAX_PDU = 262144;

/** Starts the simulated hospital: RIS (worklist, performed procedure steps) and PACS (storage, commitment). @throws ScannerError config.port, data.invalid */
export async function startHospital(options: HospitalOptions): Promise<Hospital> {
  const { clock, host = '127.0.0.1' } = options;
  const worklist = new Worklist();
  if (typeof options.worklist === 'string') worklist.useFolder(options.worklist);
  else for (const entry of options.worklist) worklist.add(entry);
  const mpps = new MppsStore();
  const risLog = options.log.child({ hospital: 'RIS' });
  const pacsLog = options.log.child({ hospital: 'PACS' });
  const folder = join(options.dataDir, 'pacs');
  const archive = new Pacs({ aeTitle: 'PACS', folder, clock, log: pacsLog, callbacks: options.callbacks ?? [] });
  await archive.load();
  const common = { clock, host, maxPduLength: MAX_PDU };
  const ris = new DicomServer({
    ...common,
    aeTitles: ['RIS'],
    port: options.risPort ?? RIS_PORT,
    log: risLog,
    services: [verificationService(), worklist.service(), mpps.service()],
  });
  const pacs = new DicomServer({
    ...common,
    aeTitles: ['PACS'],
    port: options.pacsPort ?? PACS_PORT,
    log: pacsLog,
    services: [verificationService(), ...archive.services()],
  });
  const risPort = await ris.listen();
  const pacsPort = await pacs.listen().catch(async (error) => {
    await ris.close();
    throw error;
  });
  return {
    ris: { aeTitle: 'RIS', host, port: risPort },
    pacs: { aeTitle: 'PACS', host, port: pacsPort },
    worklist,
    mpps: mpps.records,
    instances: archive.instances,
    close: async () => {
      await archive.settled();
      await Promise.all([ris.close(), pacs.close()]);
    },
  };
}
