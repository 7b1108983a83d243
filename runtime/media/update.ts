import { ScannerError } from '../../hal/base/errors.js';
import type { DiscContents } from './browse.js';
import { allRecords, referencedFile } from './directory.js';
import { DiscFiles } from './disc-files.js';
import type { DiscReader } from './disc-reader.js';
import type { ExistingDisc } from './file-set.js';
import { type Profile, refusedBy } from './profile.js';

/**
 * A disc that is to be updated, after its directory was read whole: 8.3 of the statement.
 * @param freeBytes what another session on it may take
 * @throws ScannerError data.media when its file-set does not conform to the profile
 */
export async function existingDisc(
  disc: DiscReader,
  contents: DiscContents,
  profile: Profile,
  freeBytes: number,
): Promise<ExistingDisc> {
  const { directory, directoryBytes, volumeId } = contents;
  for (const record of allRecords(directory.records)) {
    const file = referencedFile(record);
    const refused = file && refusedBy(profile, 'FSR', file);
    if (refused) {
      throw new ScannerError('data.media', {
        what: 'file-set',
        where: file.fileId.join('/'),
        message: `not updated: ${refused}`,
      });
    }
  }
  const files = new DiscFiles(disc);
  return {
    directory,
    directoryBytes,
    rootFiles: await files.names('', 'file'),
    baseNames: await files.names('DICOM'),
    volumeId,
    freeBytes,
  };
}
