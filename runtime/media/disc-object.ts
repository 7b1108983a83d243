/** Objects of a disc on their way in: copied once, and looked through before anybody believes them. */

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asScannerError, ScannerError } from '../../hal/base/errors.js';
import { DurableFile, type WrittenFile } from '../dicom/dataset/durable-file.js';
import { readFileMeta } from '../dicom/dataset/header.js';
import { makeUid } from '../dicom/dataset/uid.js';
import { datasetInFile } from '../network/receiving/file.js';
import { inspect } from '../network/receiving/findings.js';
import { implausible } from '../network/receiving/plausible.js';
import type { DiscInstance } from './browse.js';
import { type DiscFiles, unreadable } from './disc-files.js';
import type { DiscReader } from './disc-reader.js';

/** Where the directory says that an object is. */
export interface DirectoryPlace {
  studyInstanceUid: string;
  seriesInstanceUid: string;
}

/**
 * Copies a file of the disc into `folder` and tests it whole: that it is there, ends where it should, and is the object that the
 * directory names.
 * @throws ScannerError data.media, data.truncated, data.dicom with the file and what is wrong with it; then no copy is left
 */
export async function fetchObject(
  disc: DiscReader,
  files: DiscFiles,
  instance: DiscInstance,
  place: DirectoryPlace,
  folder: string,
): Promise<WrittenFile> {
  const { path, size } = await files.find(instance.fileId);
  const target = join(folder, `${makeUid()}.dcm`);
  const copy = await DurableFile.create(target);
  try {
    for await (const chunk of disc.read(path)) await copy.write(chunk as Buffer);
    if (copy.size !== size) throw new ScannerError('data.truncated', { what: path, got: copy.size, expected: size });
    const written = await copy.commit();
    await check(written, path, instance, place);
    return written;
  } catch (thrown) {
    await copy.discard();
    await rm(target, { force: true });
    throw asScannerError(thrown, 'data.media', { what: 'file-set', where: path, message: String(thrown) });
  }
}

async function check(
  { path: copy, size }: WrittenFile,
  path: string,
  instance: DiscInstance,
  place: DirectoryPlace,
): Promise<void> {
  const meta = await onDisc(path, () => readFileMeta(copy));
  const said = { ...meta, transferSyntaxUid: meta.transferSyntax };
  for (const field of ['sopClassUid', 'sopInstanceUid', 'transferSyntaxUid'] as const) {
    if (said[field] !== instance[field]) {
      throw unreadable(path, `its ${field} is ${said[field]}, the directory says ${instance[field]}`);
    }
  }
  const opened = await onDisc(path, () => datasetInFile(copy, size));
  try {
    const found = await onDisc(path, () => inspect(opened.bytes, meta.transferSyntax));
    const wrong = implausible({ ...meta, callingAe: '', calledAe: '' }, found);
    if (wrong) throw unreadable(path, wrong);
    for (const field of ['studyInstanceUid', 'seriesInstanceUid'] as const) {
      if (place[field] !== '' && found[field] !== place[field]) {
        throw unreadable(path, `its ${field} is ${found[field]}, the directory says ${place[field]}`);
      }
    }
  } finally {
    await opened.close();
  }
}

/** Failures under the name that the file has on the disc. */
async function onDisc<T>(path: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (thrown) {
    const error = asScannerError(thrown);
    throw error.kind === 'data' && error.code !== 'data.disk' ? unreadable(path, error.message) : error;
  }
}
