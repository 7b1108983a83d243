import { join } from 'node:path';
import type { Clock } from '../../hal/base/clock.js';
import type { Log } from '../../hal/base/log.js';
import type { PlainDataset } from '../../runtime/dicom/dataset/plain.js';
import type { TlsListener } from '../../runtime/dicom/services/listeners.js';
import { DicomServer, type Service, verificationService } from '../../runtime/dicom/services/server.js';
import type { Node } from '../../runtime/dicom/services/session.js';
import { EntryFolder } from './entries.js';
import { Front } from './front.js';
import { type MppsRecord, MppsStore } from './mpps.js';
import { Pacs, type StoredInstance } from './pacs.js';
import { Rulebook } from './rulebook.js';
import { type ListingOptions, Schedule } from './schedule.js';
import type { Script } from './script.js';
import { Statistics } from './statistics.js';
import { Worklist } from './worklist.js';

export interface HospitalOptions {
  /** Scheduled steps, or a folder with them (*.json and *.wl), read anew for every query. */
  worklist: readonly PlainDataset[] | string;
  /** The PACS keeps its objects in `<dataDir>/pacs`, the RIS its steps in `<dataDir>/mpps`; both know those from before. */
  dataDir: string;
  /** Default 11113; 0 takes a free one. */
  risPort?: number;
  /** Default 11114; 0 takes a free one. */
  pacsPort?: number;
  /** Modalities that get commitment results on an association of their own. */
  callbacks?: readonly Node[];
  /** What they are called; default RIS and PACS. */
  risTitle?: string;
  pacsTitle?: string;
  /** Address of the modality-facing servers; default 127.0.0.1. */
  host?: string;
  /** TLS on both ports instead of plain TCP. */
  tls?: TlsListener;
  /** Which steps the worklist leaves out; none by default. */
  listing?: ListingOptions;
  /** What the hospital does wrong from the start. */
  script?: Script;
  /** Of everything random in the rules. */
  seed?: number;
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
  /** What is done wrong; may be changed while it runs. */
  rules: Rulebook;
  statistics: Statistics;
  close(): Promise<void>;
}

const RIS_PORT = 11113;
const PACS_PORT = 11114;
/** Hospitals take large PDUs. */
const MAX_PDU = 262144;
const MAX_ASSOCIATIONS = 64;

/** Starts the simulated hospital: RIS (worklist, performed procedure steps) and PACS (storage, commitment, query, retrieve). @throws ScannerError config.port, data.invalid */
export async function startHospital(options: HospitalOptions): Promise<Hospital> {
  const { clock, host = '127.0.0.1', dataDir, risTitle = 'RIS', pacsTitle = 'PACS' } = options;
  const rules = new Rulebook(options);
  const statistics = new Statistics();
  const risLog = options.log.child({ hospital: 'RIS' });
  const pacsLog = options.log.child({ hospital: 'PACS' });
  const mpps = new MppsStore({ folder: join(dataDir, 'mpps'), log: risLog });
  await mpps.load();
  const folder = typeof options.worklist === 'string' ? new EntryFolder(options.worklist, risLog) : undefined;
  const worklist = new Worklist({ folder, schedule: new Schedule(mpps.records, options.listing) });
  if (typeof options.worklist !== 'string') for (const entry of options.worklist) worklist.add(entry);
  const callbacks = options.callbacks ?? [];
  const archive = new Pacs({
    aeTitle: pacsTitle,
    folder: join(dataDir, 'pacs'),
    clock,
    log: pacsLog,
    callbacks,
    rules,
  });
  await archive.load();
  const serve = (log: Log, aeTitles: string[], port: number, services: Service[]) =>
    startServer({
      clock,
      log,
      host,
      port,
      aeTitles,
      rules,
      statistics,
      tls: options.tls,
      services: [verificationService(), ...services],
    });
  const titles = [risTitle, ...((await folder?.titles()) ?? [])];
  const ris = await serve(risLog, titles, options.risPort ?? RIS_PORT, [worklist.service(), mpps.service()]);
  const pacs = await serve(pacsLog, [pacsTitle], options.pacsPort ?? PACS_PORT, archive.services()).catch(
    async (error) => {
      await ris.close();
      throw error;
    },
  );
  return {
    ris: { aeTitle: risTitle, host, port: ris.port },
    pacs: { aeTitle: pacsTitle, host, port: pacs.port },
    worklist,
    mpps: mpps.records,
    instances: archive.instances,
    rules,
    statistics,
    close: async () => {
      await archive.close();
      await Promise.all([ris.close(), pacs.close()]);
    },
  };
}

interface ServerOptions {
  clock: Clock;
  log: Log;
  host: string;
  port: number;
  aeTitles: readonly string[];
  services: readonly Service[];
  rules: Rulebook;
  statistics: Statistics;
  tls?: TlsListener;
}

/** A correct server on a port of its own, and before it the front which modalities see. */
async function startServer(options: ServerOptions): Promise<{ port: number; close(): Promise<void> }> {
  const server = new DicomServer({
    ...options,
    tls: undefined,
    host: '127.0.0.1',
    port: 0,
    maxPduLength: MAX_PDU,
    maxAssociations: MAX_ASSOCIATIONS,
  });
  const front = new Front({ ...options, serverPort: await server.listen() });
  const close = async () => {
    await server.close();
    await front.close();
  };
  try {
    return { port: await front.listen(), close };
  } catch (error) {
    await server.close();
    throw error;
  }
}
