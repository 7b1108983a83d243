/** Import from a disc into local storage: 9.1.2.2 of the statement. */

import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ScannerError } from '../../hal/base/errors.js';
import type { Archive, Imported } from '../archive/archive.js';
import type { WrittenFile } from '../dicom/dataset/durable-file.js';
import { ObjectReceiver, type ReceivingOptions } from '../network/receiving/receiving.js';
import { DiskGauge } from '../network/receiving/resources.js';
import { browseDisc, type DiscInstance, shownInstances } from './browse.js';
import { DiscFiles } from './disc-files.js';
import { type DirectoryPlace, fetchObject } from './disc-object.js';
import type { DiscReader } from './disc-reader.js';
import type { Profile } from './profile.js';

/** What is wanted of a disc: all that it shows where nothing is named. Each narrows the others. */
export interface DiscSelection {
  patientId?: string;
  studyInstanceUids?: readonly string[];
  seriesInstanceUids?: readonly string[];
  sopInstanceUids?: readonly string[];
}

export interface ImportOptions extends Omit<ReceivingOptions, 'importFrom' | 'archive'> {
  archive: Pick<Archive, 'importFile' | 'importBytes' | 'saveState'>;
  /** Profiles under which the disc is read; all when absent. */
  profiles?: readonly Profile[];
  /** AE title under which files are known that had to be changed. */
  sourceAeTitle: string;
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

export interface MediaImport {
  volumeId: string;
  fileSetId: string;
  fileSetUid: string;
  selected: number;
  /** Objects that the archive did not have. */
  imported: number;
  /** Objects that it had, byte for byte. */
  identical: number;
  /** SOP Instance UIDs that it had with other contents: what it had was kept. */
  differing: string[];
}

interface Wanted extends DirectoryPlace {
  instance: DiscInstance;
}

/**
 * Copies the selected objects, all of them, tests each, and only then hands them to the archive, as if they had been received: nothing
 * of a damaged disc is kept.
 * @throws ScannerError operator.usage when nothing is selected; data.media, data.dicom, data.truncated with the first damage;
 *   limit.resource when the disk has no room; timeout.aborted; data.disk
 */
export async function importFromDisc(
  disc: DiscReader,
  selection: DiscSelection,
  options: ImportOptions,
): Promise<MediaImport> {
  const contents = await browseDisc(disc, options.profiles);
  const wanted = [...shownInstances(contents)]
    .filter(({ patient, study, series, instance }) => {
      const { patientId, studyInstanceUids, seriesInstanceUids, sopInstanceUids } = selection;
      return (
        (patientId ?? patient.patientId) === patient.patientId &&
        (studyInstanceUids?.includes(study.studyInstanceUid) ?? true) &&
        (seriesInstanceUids?.includes(series.seriesInstanceUid) ?? true) &&
        (sopInstanceUids?.includes(instance.sopInstanceUid) ?? true)
      );
    })
    .map(({ study: { studyInstanceUid }, series: { seriesInstanceUid }, instance }): Wanted => {
      return { instance, studyInstanceUid, seriesInstanceUid };
    });
  if (wanted.length === 0) {
    const message = 'the disc shows no object of this selection';
    throw new ScannerError('operator.usage', { message });
  }
  const folder = await mkdtemp(join(options.folder, 'disc-'));
  try {
    const copies = await copyAll(disc, wanted, folder, options);
    const { volumeId, fileSetId, fileSetUid } = contents;
    return { volumeId, fileSetId, fileSetUid, selected: wanted.length, ...(await takeAll(wanted, copies, options)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copyAll(
  disc: DiscReader,
  wanted: readonly Wanted[],
  folder: string,
  { signal, onProgress, clock, reserveBytes }: ImportOptions,
): Promise<WrittenFile[]> {
  const files = new DiscFiles(disc);
  const gauge = new DiskGauge(folder, clock);
  const copies: WrittenFile[] = [];
  for (const { instance, ...place } of wanted) {
    if (signal?.aborted) throw new ScannerError('timeout.aborted', { what: 'import' });
    const { size } = await files.find(instance.fileId);
    const free = await gauge.free();
    if (free < size + reserveBytes) {
      throw new ScannerError('limit.resource', {
        what: `bytes on the disk: ${free} are free, ${reserveBytes} are kept`,
        max: free,
      });
    }
    copies.push(await fetchObject(disc, files, instance, place, folder));
    onProgress?.(copies.length, wanted.length);
  }
  return copies;
}

async function takeAll(
  wanted: readonly Wanted[],
  copies: readonly WrittenFile[],
  options: ImportOptions,
): Promise<Pick<MediaImport, 'imported' | 'identical' | 'differing'>> {
  const { archive, sourceAeTitle } = options;
  const taken = { imported: 0, identical: 0, differing: [] as string[] };
  const note = ({ duplicate, identical, instance }: Imported) => {
    if (!duplicate) taken.imported += 1;
    else if (identical) taken.identical += 1;
    else taken.differing.push(instance.sopInstanceUid);
  };
  const receiver = new ObjectReceiver({
    ...options,
    importFrom: () => 'statement',
    archive: {
      saveState: (...args) => archive.saveState(...args),
      importFile: async (...args) => note(await archive.importFile(...args)),
      importBytes: async (...args) => note(await archive.importBytes(...args)),
    },
  });
  for (const [i, { instance }] of wanted.entries()) {
    const { sopClassUid, sopInstanceUid, transferSyntaxUid: transferSyntax } = instance;
    const object = { sopClassUid, sopInstanceUid, transferSyntax, callingAe: sourceAeTitle, calledAe: sourceAeTitle };
    const refused = await receiver.file(object, copies[i]!);
    if (!refused) continue;
    const message = `${refused.comment ?? 'refused'}; ${i} of ${wanted.length} objects are in the archive`;
    throw new ScannerError('data.invalid', { what: `object ${sopInstanceUid}`, message });
  }
  return taken;
}
