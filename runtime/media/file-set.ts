/** File-sets to be written: what goes onto which disc, under which names, with which directory. */

import { createHash } from 'node:crypto';
import { ScannerError } from '../../hal/base/errors.js';
import { text } from '../dicom/dataset/dataset.js';
import { makeUid } from '../dicom/dataset/uid.js';
import type { Instance } from '../objects/instance.js';
import type { BurnFile, BurnPlan } from './burn-plan.js';
import { DICOMDIR, type Directory } from './directory.js';
import { encodeDirectory } from './directory-write.js';
import { FileIds } from './file-ids.js';
import { type LeftOut, type Prepared, type PrepareOptions, prepare } from './prepare.js';
import type { Profile } from './profile.js';
import { placeOf, RecordTree } from './record-tree.js';
import { type Room, span } from './spanning.js';

/** One disc: a complete file-set by itself. */
export interface PlannedDisc {
  plan: BurnPlan;
  /** True when it goes onto the disc whose directory was read. */
  update: boolean;
  fileSetId: string;
  fileSetUid: string;
}

export interface FileSetPlan {
  profile: string;
  discs: PlannedDisc[];
  /** Objects that the profile does not take. */
  leftOut: LeftOut[];
  /** SOP Instance UIDs that are on the disc already, or were named twice. */
  duplicates: string[];
}

/** The disc that is to be updated, its directory read whole: 8.3 of the statement. */
export interface ExistingDisc {
  directory: Directory;
  /** Bytes of its DICOMDIR. */
  directoryBytes: number;
  /** Names of files in its root, and of all that stands in its folder DICOM. */
  rootFiles: readonly string[];
  baseNames: readonly string[];
  volumeId: string;
  freeBytes: number;
}

export interface FileSetOptions extends Omit<PrepareOptions, 'role'> {
  profile: Profile;
  /** What an empty disc takes. */
  capacityBytes: number;
  existing?: ExistingDisc;
  /** File-set ID (0004,1130) and volume identifier; capitals, digits and underscores. */
  name: string;
  /** Writes the file README with MULTIVOLUME on each of several discs; the statement's creator does not. */
  multiVolume?: boolean;
  /** Finalise the discs; the statement's exporter does not: 9.1.2.3. */
  close?: boolean;
  uidRoot?: string;
  onProgress?(done: number, total: number): void;
}

const CONCURRENT = 4;
/** The directory of a disc is built in memory. */
const MAX_OBJECTS = 100_000;
const README = 'README';

/**
 * Plans the discs for `instances`, which stand in the order of their studies, series and numbers. Their files stay where they are; what
 * had to be rewritten for a disc is in `folder` afterwards.
 * @throws ScannerError limit.size, data.disk, timeout.aborted;
 */
export async function planFileSets(instances: readonly Instance[], options: FileSetOptions): Promise<FileSetPlan> {
  const { existing, profile } = options;
  if (instances.length > MAX_OBJECTS) {
    throw new ScannerError('limit.size', { what: 'objects to burn', value: instances.length, max: MAX_OBJECTS });
  }
  const { fresh, duplicates } = sifted(instances, new RecordTree(existing?.directory.records));
  const results = await prepareAll(fresh, { ...options, role: existing ? 'FSU' : 'FSC' });
  const leftOut = results.filter((one): one is LeftOut => 'reason' in one);
  const pieces = results.flatMap((one) => ('reason' in one ? [] : [{ ...one, place: placeOf(one.records) }]));
  const empty: Room = { bytes: options.capacityBytes, directoryBytes: 0 };
  const first = existing ? { bytes: existing.freeBytes, directoryBytes: existing.directoryBytes } : empty;
  const spanned = pieces.length > 0 ? span(pieces, first, empty) : [];
  const held = spanned.map((disc, i) => ({ disc, existing: i === 0 ? existing : undefined }));
  const filled = held.filter(({ disc }) => disc.length > 0);
  const discs = filled.map((one, i) => planDisc(one.disc, one.existing, { number: i + 1, of: filled.length }, options));
  return { profile: profile.name, discs, leftOut, duplicates };
}

function sifted(instances: readonly Instance[], tree: RecordTree): { fresh: Instance[]; duplicates: string[] } {
  const seen = new Set<string>();
  const fresh: Instance[] = [];
  const duplicates: string[] = [];
  for (const instance of instances) {
    const { sopInstanceUid } = instance;
    if (tree.has(sopInstanceUid) || seen.has(sopInstanceUid)) duplicates.push(sopInstanceUid);
    else fresh.push(instance);
    seen.add(sopInstanceUid);
  }
  return { fresh, duplicates };
}

async function prepareAll(
  instances: readonly Instance[],
  options: FileSetOptions & PrepareOptions,
): Promise<(Prepared | LeftOut)[]> {
  const results = new Array<Prepared | LeftOut>(instances.length);
  let next = 0;
  let done = 0;
  const work = async () => {
    while (next < instances.length) {
      if (options.signal?.aborted) throw new ScannerError('timeout.aborted', { what: 'file-set' });
      const at = next++;
      results[at] = await prepare(instances[at]!, options);
      options.onProgress?.(++done, instances.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(CONCURRENT, instances.length) }, work));
  return results;
}

function planDisc(
  pieces: readonly Prepared[],
  existing: ExistingDisc | undefined,
  volume: { number: number; of: number },
  options: FileSetOptions,
): PlannedDisc {
  const tree = new RecordTree(existing?.directory.records);
  const ids = new FileIds(existing?.rootFiles, existing?.baseNames);
  const files: BurnFile[] = [];
  for (const { records, path, size, sha256, sopInstanceUid } of pieces) {
    const fileId = ids.next(placeOf(records));
    tree.add(records, fileId);
    files.push({ discPath: fileId.join('/'), source: { path }, size, sha256, sopInstanceUid });
  }
  const name = volume.of > 1 && !existing ? `${options.name.slice(0, 12)}_${volume.number}` : options.name;
  const describes = options.multiVolume === true && volume.of > 1 && !existing;
  const directory: Directory = {
    fileSetId: existing?.directory.fileSetId ?? name,
    fileSetUid: existing?.directory.fileSetUid ?? makeUid(options.uidRoot),
    descriptorFileId: existing?.directory.descriptorFileId ?? (describes ? [README] : undefined),
    records: tree.records,
  };
  if (describes) files.push(made(README, Buffer.from(`MULTIVOLUME: ${volume.number} of ${volume.of}`, 'latin1')));
  files.push(made(DICOMDIR, encodeDirectory(directory, options)));
  const plan: BurnPlan = {
    medium: options.profile.medium,
    volumeId: existing?.volumeId ?? name,
    label: labelOf(pieces, volume),
    ...(existing && { appendTo: existing.volumeId }),
    close: options.close ?? false,
    files,
  };
  return { plan, update: existing !== undefined, fileSetId: directory.fileSetId, fileSetUid: directory.fileSetUid };
}

function made(discPath: string, bytes: Buffer): BurnFile {
  return { discPath, source: { bytes }, size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** E.g. `DOE JANE 20261124, disc 1 of 2`. */
function labelOf(pieces: readonly Prepared[], { number, of }: { number: number; of: number }): string {
  const names = new Set(pieces.map(({ records }) => nameOf(records)));
  const [first = ''] = names;
  const others = names.size > 1 ? ` and ${names.size - 1} more` : '';
  return `${first}${others}${of > 1 ? `, disc ${number} of ${of}` : ''}`;
}

function nameOf({ patient, study }: Prepared['records']): string {
  const name = (text(patient, 'PatientName') ?? '').split('=')[0]!.replaceAll('^', ' ').trim();
  return `${name || (text(patient, 'PatientID') ?? '')} ${text(study, 'StudyDate') ?? ''}`.trim();
}
