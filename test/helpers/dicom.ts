import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ScaledClock } from '../../hal/base/clock.js';
import { type Log, silentLog } from '../../hal/base/log.js';
import { bulkOf } from '../../runtime/dicom/dataset/bulk.js';
import { dataset, setElement } from '../../runtime/dicom/dataset/dataset.js';
import { writePart10File } from '../../runtime/dicom/dataset/part10.js';
import { makeUid } from '../../runtime/dicom/dataset/uid.js';
import type { Node, ScuOptions } from '../../runtime/dicom/services/session.js';

export const CT_IMAGE = '1.2.840.10008.5.1.4.1.1.2';
export const CSA_NON_IMAGE = '1.3.12.2.1107.5.9.1';
export const EXPLICIT = '1.2.840.10008.1.2.1';
export const clock = new ScaledClock();

/** A log that prints when PETRIG_TEST_LOG is set. */
export const log: Log = process.env.PETRIG_TEST_LOG ? printingLog({}) : silentLog;

export function scu(node: Node, more: Partial<ScuOptions> = {}): ScuOptions {
  return { node, callingAe: 'PETRIG', clock, log, ...more };
}

export function localNode(port: number, aeTitle = 'PEER'): Node {
  return { aeTitle, host: '127.0.0.1', port };
}

/** A folder of its own, removed when the process ends. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'petrig-dicom-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface MadeFile {
  path: string;
  sopClassUid: string;
  sopInstanceUid: string;
}

/** A small object that any storage SCP takes: a CT image by default, a private element in it, `bytes` of pixels. */
export async function makeObject(
  folder: string,
  options: { sopClassUid?: string; bytes?: number; transferSyntax?: string; fill?: number } = {},
): Promise<MadeFile> {
  const { sopClassUid = CT_IMAGE, bytes = 8192, transferSyntax = EXPLICIT, fill = 3 } = options;
  const sopInstanceUid = makeUid();
  const ds = dataset({
    SpecificCharacterSet: 'ISO_IR 100',
    SOPClassUID: sopClassUid,
    SOPInstanceUID: sopInstanceUid,
    PatientName: 'Größe^Zoë',
    PatientID: 'P1',
    StudyInstanceUID: '2.25.1',
    SeriesInstanceUID: '2.25.2',
    Modality: 'CT',
    SliceThickness: '1.500000',
    StudyDate: '20260101',
    StudyTime: '120000',
  });
  setElement(ds, '00290010', 'LO', ['PETRIG TEST']);
  setElement(ds, '00291001', 'UN', [Uint8Array.of(1, 2, 3, 4)]);
  setElement(ds, 'PixelData', 'OW', []);
  const path = join(folder, `${sopInstanceUid}.dcm`);
  await writePart10File(path, ds, transferSyntax, { bulk: { '7FE00010': bulkOf(Buffer.alloc(bytes, fill)) } });
  return { path, sopClassUid, sopInstanceUid };
}

function printingLog(bound: object): Log {
  const print = (fields: object, message: string) => console.error(message, JSON.stringify({ ...bound, ...fields }));
  return { debug: print, info: print, warn: print, error: print, child: (more) => printingLog({ ...bound, ...more }) };
}
