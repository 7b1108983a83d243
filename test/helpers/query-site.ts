import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Archive } from '../../runtime/archive/archive.js';
import { SqliteArchive } from '../../runtime/archive/sqlite-archive.js';
import { bulkOf } from '../../runtime/dicom/dataset/bulk.js';
import { dataset, setElement } from '../../runtime/dicom/dataset/dataset.js';
import { readFileMeta } from '../../runtime/dicom/dataset/header.js';
import { writePart10File } from '../../runtime/dicom/dataset/part10.js';
import type { Response } from '../../runtime/dicom/dimse/channel.js';
import { hexStatus } from '../../runtime/dicom/dimse/status.js';
import { queryService } from '../../runtime/dicom/services/query-scp.js';
import {
  type MoveDestination,
  type RetrieveServiceOptions,
  retrieveService,
} from '../../runtime/dicom/services/retrieve-scp.js';
import { DicomServer, type DicomServerOptions } from '../../runtime/dicom/services/server.js';
import { storageService } from '../../runtime/dicom/services/store-scp.js';
import { storageSyntaxes } from '../../runtime/dicom/storage-classes.js';
import { findIn } from '../../runtime/network/query/finding.js';
import { instancesIn } from '../../runtime/network/query/retrieving.js';
import { CSA_NON_IMAGE, CT_IMAGE, clock, EXPLICIT, log } from './dicom.js';
import { runTool } from './peers.js';

/** An object of the site: patient, study, series and instance number, by the UIDs 2.25.<p>.<s>.<r>.<i>. */
export interface Placed {
  patient: number;
  study: number;
  series: number;
  instance: number;
  sopClassUid?: string;
  transferSyntax?: string;
  bytes?: number;
  patientName?: string;
  /** Specific Character Set. */
  characterSet?: string;
  /** More attributes by keyword. */
  attributes?: Parameters<typeof dataset>[0];
}

export function uidOf({ patient, study, series, instance }: Placed): string {
  return `2.25.${patient}.${study}.${series}.${instance}`;
}

/** A series of `count` objects. */
export function seriesOf(count: number, place: Omit<Placed, 'instance'>): Placed[] {
  return Array.from({ length: count }, (_, i) => ({ ...place, instance: i + 1 }));
}

/** A Part 10 file with private elements and pixels of its own. */
export async function writeObject(folder: string, place: Placed): Promise<string> {
  const { patient, study, series, instance, sopClassUid = CT_IMAGE, transferSyntax = EXPLICIT, bytes = 2000 } = place;
  const { patientName = `Müller^No${patient}`, characterSet = 'ISO_IR 100', attributes } = place;
  const ds = dataset({
    SpecificCharacterSet: characterSet.split('\\'),
    SOPClassUID: sopClassUid,
    SOPInstanceUID: uidOf(place),
    PatientName: patientName,
    PatientID: `P${patient}`,
    StudyInstanceUID: `2.25.${patient}.${study}`,
    SeriesInstanceUID: `2.25.${patient}.${study}.${series}`,
    Modality: sopClassUid === CSA_NON_IMAGE ? 'OT' : 'CT',
    StudyDate: `2026010${study}`,
    StudyTime: '1030',
    SeriesNumber: String(series),
    InstanceNumber: String(instance),
    SliceThickness: '1.500000',
    ...attributes,
  });
  setElement(ds, '00290010', 'LO', ['PETRIG TEST']);
  setElement(ds, '00291001', 'UN', [Uint8Array.of(1, 2, 3, patient, study, series, instance & 255)]);
  setElement(ds, 'PixelData', 'OW', []);
  const path = join(folder, `${uidOf(place)}.part10`);
  await writePart10File(path, ds, transferSyntax, { bulk: { '7FE00010': bulkOf(Buffer.alloc(bytes, instance)) } });
  return path;
}

/** The dataset's bytes of a Part 10 file. */
export async function datasetBytes(path: string): Promise<Buffer> {
  return readFileSync(path).subarray((await readFileMeta(path)).datasetOffset);
}

export interface QuerySite {
  archive: Archive;
  server: DicomServer;
  port: number;
  /** Destinations of C-MOVE by AE title: to be filled by the test. */
  destinations: Map<string, MoveDestination>;
  close(): Promise<void>;
}

/** An archive with objects, served by C-FIND, C-MOVE and C-GET on a port of its own; storage classes only to give the requestor its role. */
export async function startQuerySite(
  folder: string,
  places: readonly Placed[],
  more: Partial<RetrieveServiceOptions> = {},
  { services = [], ...settings }: Partial<DicomServerOptions> = {},
): Promise<QuerySite> {
  const archive = await SqliteArchive.open({ root: join(folder, 'archive'), clock, log });
  for (const place of places) await archive.importFile(await writeObject(folder, place));
  const destinations = new Map<string, MoveDestination>();
  const retrieval = retrieveService({
    instances: instancesIn(archive),
    destination: (title) => destinations.get(title),
    clock,
    log,
    ...more,
  });
  const queries = queryService({ retrieveAeTitle: 'PETRIG', find: findIn(archive), log });
  const storage = storageService({
    syntaxes: storageSyntaxes(),
    pathFor: () => ({ status: 0x0124, comment: 'nothing is stored here' }),
  });
  const server = new DicomServer({
    port: 0,
    clock,
    log,
    ...settings,
    services: [queries, retrieval, { ...storage, peerMayBeScp: true }, ...services],
  });
  const port = await server.listen();
  const close = async () => {
    await server.close();
    await archive.close();
  };
  return { archive, server, port, destinations, close };
}

/** What getscu or movescu tell of a retrieval. */
export interface Retrieved {
  code: number | null;
  output: string;
  /** Of the responses, in their order, as DCMTK prints them. */
  statuses: string[];
  /** Of the last response. */
  counters: { remaining?: number; completed?: number; failed?: number; warning?: number };
}

/** Runs a DCMTK retrieve SCU against a port. */
export async function retrieveScu(
  tool: 'getscu' | 'movescu',
  port: number,
  keys: readonly string[],
  args: readonly string[] = ['-S'],
): Promise<Retrieved> {
  const all = ['-d', '-aet', 'SCU', '-aec', 'PETRIG', ...args, ...keys.flatMap((key) => ['-k', key])];
  const { code, output } = await runTool(tool, [...all, '127.0.0.1', String(port)]);
  const name = tool === 'getscu' ? 'C-GET RSP' : 'C-MOVE RSP';
  const blocks = output.split('INCOMING DIMSE MESSAGE').map((block) => block.split('END DIMSE MESSAGE')[0]!);
  const responses = blocks.filter((block) => block.includes(name));
  const last = responses.at(-1) ?? '';
  const counter = (what: string) => {
    const found = new RegExp(`${what} Suboperations +: (\\d+)`).exec(last);
    return found ? Number(found[1]) : undefined;
  };
  return {
    code,
    output,
    statuses: responses.map((block) => /DIMSE Status +: 0x([0-9a-f]{4})/.exec(block)?.[1] ?? 'none'),
    counters: {
      remaining: counter('Remaining'),
      completed: counter('Completed'),
      failed: counter('Failed'),
      warning: counter('Warning'),
    },
  };
}

/** What findscu tells of a query. */
export interface Found {
  statuses: string[];
  /** Elements of each answer by tag; those within sequences too. */
  matches: Record<string, string>[];
  output: string;
}

/** Runs findscu against a port. */
export async function findScu(
  port: number,
  model: '-P' | '-S' | '-O',
  keys: readonly string[],
  args: readonly string[] = [],
): Promise<Found> {
  const all = ['-d', '+sr', '-aet', 'SCU', '-aec', 'PETRIG', ...args, model, ...keys.flatMap((key) => ['-k', key])];
  const { output } = await runTool('findscu', [...all, '127.0.0.1', String(port)]);
  const blocks = output.split('INCOMING DIMSE MESSAGE').slice(1);
  const answers = blocks.map((block) => Object.fromEntries(elementsIn(block)));
  return {
    output,
    statuses: blocks.map((block) => /DIMSE Status +: 0x([0-9a-f]{4})/.exec(block)?.[1] ?? 'none'),
    matches: answers.filter((answer) => '0008,0052' in answer),
  };
}

function elementsIn(block: string): [string, string][] {
  const lines = block.matchAll(/\(([0-9a-f]{4},[0-9a-f]{4})\) [A-Z]{2} (?:\[(.*?)\] +#|\(no value|=?(\S+) +#)/g);
  return [...lines].map(([, tag, value, bare]) => [tag!, (value ?? bare ?? '').trim()]);
}

/** The final response of a retrieval: status, and remaining, completed, failed and warning sub-operations. */
export function summary(responses: readonly Response[]) {
  const { command, status } = responses.at(-1)!;
  return [
    hexStatus(status),
    command.NumberOfRemainingSuboperations,
    command.NumberOfCompletedSuboperations,
    command.NumberOfFailedSuboperations,
    command.NumberOfWarningSuboperations,
  ];
}
