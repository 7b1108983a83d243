import type { Archive } from '../../archive/archive.js';
import type { QueryLevel } from '../../dicom/services/query-scp-model.js';
import type { RetrieveInstance } from '../../dicom/services/retrieve-scp.js';
import type { RetrievePath } from '../../dicom/services/retrieve-scp-identifier.js';

/** What retrieving needs of the archive. */
export type Holdings = Pick<Archive, 'studies' | 'instances'>;

/** The archive's instances under the unique keys of a C-MOVE or C-GET, study by study in the order of their numbers. */
export function instancesIn(
  archive: Holdings,
): (path: RetrievePath, signal: AbortSignal) => AsyncIterable<RetrieveInstance> {
  return (path, signal) => instancesUnder(archive, path.keys, signal);
}

async function* instancesUnder(
  archive: Holdings,
  keys: RetrievePath['keys'],
  signal: AbortSignal,
): AsyncGenerator<RetrieveInstance> {
  for (const studyInstanceUid of await studiesOf(archive, keys)) {
    for (const seriesInstanceUid of keys.SERIES ?? [undefined]) {
      if (signal.aborted) return;
      const filter = { studyInstanceUid, seriesInstanceUid, sopInstanceUids: keys.IMAGE };
      for (const { sopInstanceUid, file } of await archive.instances(filter)) yield { sopInstanceUid, path: file };
    }
  }
}

/** The studies asked for; those of another patient are not, when the patient is named. */
async function studiesOf(archive: Holdings, keys: Partial<Record<QueryLevel, readonly string[]>>): Promise<string[]> {
  const patientId = keys.PATIENT?.[0];
  if (!keys.STUDY) return (await archive.studies({ patientId })).map((study) => study.studyInstanceUid);
  if (patientId === undefined) return [...keys.STUDY];
  const studies: string[] = [];
  for (const studyInstanceUid of keys.STUDY) {
    if ((await archive.studies({ studyInstanceUid, patientId })).length > 0) studies.push(studyInstanceUid);
  }
  return studies;
}
