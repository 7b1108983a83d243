/** A hospital around `petrig serve` that counts what it is told, and what a data folder must look like afterwards. */

import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import * as assert from 'uvu/assert';
import { ScaledClock } from '../../hal/base/clock.js';
import { silentLog } from '../../hal/base/log.js';
import type { ConfigInput } from '../../runtime/config.js';
import { text } from '../../runtime/dicom/dataset/dataset.js';
import { readHeader } from '../../runtime/dicom/dataset/header.js';
import { DicomServer, type Service, verificationService } from '../../runtime/dicom/services/server.js';
import { daOf } from '../../runtime/exam/datetime.js';
import { loadProtocol } from '../../runtime/protocol/definition.js';
import type { ExamReport } from '../../runtime/service/operations.js';
import { type MppsRecord, MppsStore } from '../../sim/hospital/mpps.js';
import { Pacs } from '../../sim/hospital/pacs.js';
import { demoEntries, Worklist } from '../../sim/hospital/worklist.js';

export interface Site {
  nodes: NonNullable<ConfigInput['nodes']>;
  /** Performed procedure steps by SOP Instance UID. */
  steps: ReadonlyMap<string, MppsRecord>;
  /** N-CREATE requests that came, accepted or not. */
  creations(): number;
  /** How often each instance was stored, by SOP Instance UID. */
  stores: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** A broad query asks for the day it is sent on. */
const TODAY = daOf(Date.now());

const open = new Set<Site>();

/** For `test.after`: a site that a failed test has left keeps the process alive. */
export async function closeSites(): Promise<void> {
  for (const site of open) await site.close();
}

/** RIS and PACS in this process: they outlive the controllers that a test kills. */
export async function startSite(folder: string): Promise<Site> {
  const clock = new ScaledClock();
  const worklist = new Worklist();
  for (const entry of demoEntries(TODAY, 'PETRIG')) worklist.add(entry);
  const mpps = new MppsStore();
  const pacs = new Pacs({ aeTitle: 'PACS', folder: join(folder, 'pacs'), clock, log: silentLog, callbacks: [] });
  const stores = new Map<string, number>();
  let creations = 0;
  const services: Service[] = [verificationService(), worklist.service(), mpps.service(), ...pacs.services()];
  const counted = services.map(({ operations, ...service }): Service => {
    const { 'N-CREATE': create, 'C-STORE': store } = operations;
    const counting: Service['operations'] = { ...operations };
    if (create) {
      counting['N-CREATE'] = (request) => {
        creations++;
        return create(request);
      };
    }
    if (store) {
      counting['C-STORE'] = (request) => {
        const uid = request.command.AffectedSOPInstanceUID ?? '';
        stores.set(uid, (stores.get(uid) ?? 0) + 1);
        return store(request);
      };
    }
    return { ...service, operations: counting };
  });
  const server = new DicomServer({ aeTitles: ['SITE'], port: 0, clock, log: silentLog, services: counted });
  const node = { aeTitle: 'SITE', host: '127.0.0.1', port: await server.listen() };
  const site: Site = {
    nodes: [{ ...node, services: ['worklist', 'mpps', 'storage', 'commitment'] }],
    steps: mpps.records,
    creations: () => creations,
    stores,
    close: async () => {
      open.delete(site);
      await pacs.settled();
      await server.close();
    },
  };
  open.add(site);
  return site;
}

/** Arguments of a small examination: everything is done, little of it. */
export function smallExam(folder: string, span = '-40:40'): string[] {
  const asked = ['--protocol', smallProtocol(folder), '--accession', 'A1', '--bed-seconds', '2', `--span=${span}`];
  return ['exam', 'run', ...asked, '--json', '--data', join(folder, 'data')];
}

/** The whole-body protocol with images that are quick to make. @returns the path of its file */
export function smallProtocol(folder: string): string {
  const whole = loadProtocol('wholebody-fdg');
  const ranges = whole.ranges.map((range) => {
    if (range.kind === 'ct') return { ...range, recons: range.recons.map((recon) => ({ ...recon, incrementMm: 5 })) };
    if (range.kind === 'pet') {
      return { ...range, recons: range.recons.map((recon) => ({ ...recon, iterations: 1 })) };
    }
    return range;
  });
  const path = join(folder, 'small.json');
  writeFileSync(path, JSON.stringify({ ...whole, name: 'small', ranges }));
  return path;
}

/** A completed examination has CT, PET and raw data, all at the destination, each sent once and committed. */
export function assertDelivered(report: ExamReport): void {
  assert.is(report.outcome, 'COMPLETED', JSON.stringify(report));
  const series = (modality: string, sopClass: RegExp) =>
    report.series.filter((one) => one.modality === modality && sopClass.test(one.sopClass));
  const count = (found: ExamReport['series']) => found.reduce((sum, one) => sum + one.count, 0);
  assert.ok(count(series('CT', /CTImage/)) >= 10, 'CT images');
  assert.ok(count(series('PT', /PETImage/)) >= 50, 'PET images');
  assert.ok(count(report.series.filter(({ sopClass }) => sopClass.startsWith('1.3.12.2.1107'))) >= 3, 'raw data');
  const all = count(report.series);
  const [delivery] = report.deliveries;
  assert.is(delivery?.sent, all);
  assert.is(delivery?.committed, all);
  assert.is(delivery?.failed, 0);
}

/** Index and disk agree, every object is whole, nothing half-written is left. @returns SOP Instance UIDs */
export async function assertWholeArchive(data: string): Promise<string[]> {
  const names = readdirSync(data, { recursive: true }).map(String);
  assert.equal(
    names.filter((name) => /\.(tmp|part)$/.test(name)),
    [],
    'half-written files',
  );
  const files = names.filter((name) => /^objects\/.*\.dcm$/.test(name));
  const uids: string[] = [];
  for (const file of files) {
    const { dataset } = await readHeader(join(data, file));
    uids.push(text(dataset, 'SOPInstanceUID') ?? file);
  }
  const db = new Database(join(data, 'archive.sqlite'), { readonly: true });
  const rows = db.prepare<[], { uid: string }>('SELECT sop_uid AS uid FROM instance WHERE missing = 0').all();
  db.close();
  assert.equal(rows.map(({ uid }) => uid).sort(), [...uids].sort(), 'index and disk');
  return uids;
}

/**
 * Each step that the RIS knows has its one end, and none was created twice.
 * @param repeats N-CREATE requests that may have come again because their answer was lost
 */
export function assertStepsEnded(site: Site, { repeats }: { repeats: number }, ...statuses: string[]): void {
  assert.equal([...site.steps.values()].map(({ status }) => status).sort(), [...statuses].sort());
  assert.ok(site.creations() <= statuses.length + repeats, `${site.creations()} N-CREATE`);
}
