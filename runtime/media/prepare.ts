/** Objects of the archive made ready for a disc: judged by the profile, put into a syntax that it takes, with their records. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asScannerError } from '../../hal/base/errors.js';
import type { CodecPool } from '../dicom/codecs/pool.js';
import { recodeFile } from '../dicom/codecs/recode.js';
import { DurableFile, type WrittenFile } from '../dicom/dataset/durable-file.js';
import { encodeFileMeta } from '../dicom/dataset/file-meta.js';
import { readFileMeta, readHeader } from '../dicom/dataset/header.js';
import { EXPLICIT_LITTLE_ENDIAN } from '../dicom/dataset/transfer-syntax.js';
import type { Implementation } from '../dicom/implementation.js';
import type { Instance } from '../objects/instance.js';
import { recordBytes } from './directory-write.js';
import { makeIcon } from './icon.js';
import { type MediaRole, mediaClass, type Profile, refusedBy } from './profile.js';
import { type RecordPath, recordsOf, refer } from './records.js';

export interface PrepareOptions {
  profile: Profile;
  role: Extract<MediaRole, 'FSC' | 'FSU'>;
  codecs: CodecPool;
  /** For files that are not the archive's: on its disk, and kept until the disc is burned. */
  folder: string;
  /** Of the files that we write. */
  sourceAeTitle: string;
  implementation?: Implementation;
  signal?: AbortSignal;
}

/** An object that may go onto a disc. */
export interface Prepared {
  sopInstanceUid: string;
  /** The archive's own file, or the one it was turned into. */
  path: string;
  size: number;
  sha256: string;
  records: RecordPath;
  /** Bytes of its own record in the directory. */
  recordBytes: number;
}

export interface LeftOut {
  sopInstanceUid: string;
  reason: string;
}

/** As long as the IDs that we give. */
const SAMPLE_ID = ['DICOM', 'PA000001', 'ST000001', 'SE000001', 'IM000001'];
const NEVER_USED_QUALITY = 90;

/** @throws ScannerError data.disk; what is wrong with the object itself is a reason to leave it out */
export async function prepare(instance: Instance, options: PrepareOptions): Promise<Prepared | LeftOut> {
  const { sopInstanceUid } = instance;
  try {
    const { profile, role } = options;
    const refused = refusedBy(profile, role, instance);
    if (!refused) return await described(instance, instance.file, instance, options);
    const plain = refusedBy(profile, role, { ...instance, transferSyntaxUid: EXPLICIT_LITTLE_ENDIAN });
    const written = plain ? undefined : await converted(instance, options);
    if (!written) return { sopInstanceUid, reason: plain ?? refused };
    const file = { bytes: written.size, checksum: written.sha256 };
    return await described(instance, written.path, file, options);
  } catch (thrown) {
    const error = asScannerError(thrown);
    if (error.kind === 'data' && error.code !== 'data.disk') return { sopInstanceUid, reason: error.message };
    throw error;
  }
}

async function described(
  { sopClassUid, sopInstanceUid }: Instance,
  path: string,
  { bytes, checksum }: { bytes: number; checksum: string },
  { codecs }: PrepareOptions,
): Promise<Prepared> {
  const header = await readHeader(path);
  const size = mediaClass(sopClassUid)?.icon;
  const icon = size === undefined ? undefined : await makeIcon(path, header, size, codecs);
  const file = { sopClassUid, sopInstanceUid, transferSyntaxUid: header.transferSyntax };
  const records = recordsOf(header.dataset, file, icon);
  const leaf = { dataset: refer(records.leaf, SAMPLE_ID), lower: [] };
  return { sopInstanceUid, path, size: bytes, sha256: checksum, records, recordBytes: recordBytes(leaf) };
}

/** The object in explicit VR little endian; undefined where that loses something. Its UIDs and values stay what they are. */
async function converted(instance: Instance, options: PrepareOptions): Promise<WrittenFile | undefined> {
  const { codecs, folder } = options;
  const meta = await readFileMeta(instance.file);
  const recode = { codecs, folder, quality: NEVER_USED_QUALITY, mayCompress: () => false };
  const source = await recodeFile(instance.file, meta, EXPLICIT_LITTLE_ENDIAN, recode);
  if (!source) return undefined;
  const path = join(folder, `${instance.sopInstanceUid}.dcm`);
  const file = await DurableFile.create(path);
  try {
    await file.write(encodeFileMeta({ ...instance, transferSyntax: EXPLICIT_LITTLE_ENDIAN }, options));
    for (let left = source.length; left > 0; ) {
      const chunk = Buffer.allocUnsafe(Math.min(left, 1 << 20));
      await source.read([chunk]);
      await file.write(chunk);
      left -= chunk.length;
    }
    return await file.commit();
  } catch (thrown) {
    await file.discard();
    await rm(path, { force: true });
    throw thrown;
  } finally {
    await source.close();
  }
}
