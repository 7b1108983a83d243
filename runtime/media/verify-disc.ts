import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import type { Archive } from '../archive/archive.js';
import { browseDisc, type DiscContents, shownInstances } from './browse.js';
import { allRecords, DICOMDIR, referencedFile } from './directory.js';
import { DiscFiles } from './disc-files.js';
import { fetchObject } from './disc-object.js';
import type { DiscReader } from './disc-reader.js';

export interface VerifyOptions {
  /** For one copy at a time. */
  folder: string;
  /** Whose objects are compared byte for byte with those of the same UID. */
  archive?: Pick<Archive, 'instances'>;
  signal?: AbortSignal;
  onProgress?(done: number, total: number): void;
}

export interface DiscVerdict {
  volumeId: string;
  fileSetUid: string;
  /** Objects that were read whole and are what the directory says. */
  good: number;
  /** Of these, objects that the archive has byte for byte. */
  identical: number;
  damaged: { file: string; reason: string }[];
  /** SOP Instance UIDs of good objects that the archive has with other contents. */
  differing: string[];
  /** Files in the disc's folders to which no record refers, the first hundred. */
  unreferenced: string[];
  hidden: DiscContents['hidden'];
}

const MAX_UNREFERENCED = 100;
const MAX_DEPTH = 8;

/**
 * Reads everything that a disc shows and says of each object whether it is good.
 * @throws ScannerError as `browseDisc`, timeout.aborted
 */
export async function verifyDisc(disc: DiscReader, options: VerifyOptions): Promise<DiscVerdict> {
  const contents = await browseDisc(disc);
  const all = [...shownInstances(contents)];
  const { volumeId, fileSetUid, hidden } = contents;
  const verdict: DiscVerdict = {
    ...{ volumeId, fileSetUid, hidden, good: 0, identical: 0 },
    ...{ damaged: [], differing: [], unreferenced: await unreferenced(disc, contents) },
  };
  const known = await checksums(all, options.archive);
  const files = new DiscFiles(disc);
  const folder = await mkdtemp(join(options.folder, 'verify-'));
  try {
    for (const [i, { study, series, instance }] of all.entries()) {
      if (options.signal?.aborted) throw new ScannerError('timeout.aborted', { what: 'verification' });
      try {
        const copy = await fetchObject(disc, files, instance, { ...study, ...series }, folder);
        await rm(copy.path);
        verdict.good += 1;
        const checksum = known.get(instance.sopInstanceUid);
        if (checksum === copy.sha256) verdict.identical += 1;
        else if (checksum !== undefined) verdict.differing.push(instance.sopInstanceUid);
      } catch (thrown) {
        const error = asScannerError(thrown);
        if (error.kind !== 'data' || error.code === 'data.disk') throw error;
        verdict.damaged.push({ file: instance.fileId.join('/'), reason: error.message });
      }
      options.onProgress?.(i + 1, all.length);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return verdict;
}

async function checksums(
  all: readonly { study: { studyInstanceUid: string } }[],
  archive: VerifyOptions['archive'],
): Promise<Map<string, string>> {
  const known = new Map<string, string>();
  for (const studyInstanceUid of new Set(all.map(({ study }) => study.studyInstanceUid))) {
    if (!archive || studyInstanceUid === '') continue;
    for (const { sopInstanceUid, checksum } of await archive.instances({ studyInstanceUid })) {
      known.set(sopInstanceUid, checksum);
    }
  }
  return known;
}

/** Files below the folders that the directory uses: PS3.10 8.6 wants every one of them referred to. */
async function unreferenced(disc: DiscReader, { directory }: DiscContents): Promise<string[]> {
  const used = new Set<string>([DICOMDIR]);
  for (const record of allRecords(directory.records)) {
    const file = referencedFile(record);
    if (file) used.add(file.fileId.join('/').toUpperCase());
  }
  const tops = new Set([...used].filter((path) => path.includes('/')).map((path) => path.split('/')[0]!));
  const found: string[] = [];
  const look = async (path: string, depth: number): Promise<void> => {
    for (const entry of await disc.list(path)) {
      if (found.length >= MAX_UNREFERENCED) return;
      const name = entry.path.replace(/\.$/, '').toUpperCase();
      const isInside = depth > 0 || tops.has(name);
      if (entry.kind === 'folder' && isInside && depth < MAX_DEPTH) await look(entry.path, depth + 1);
      else if (entry.kind !== 'folder' && isInside && !used.has(name)) found.push(entry.path);
    }
  };
  await look('', 0);
  return found;
}
