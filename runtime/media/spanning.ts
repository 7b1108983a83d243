/** Which objects go onto which disc: 10.2.2.1.1 of the statement. */

import { ScannerError } from '../../hal/base/errors.js';
import type { Place } from './file-ids.js';

/** An object by what it takes of a disc. */
export interface Piece {
  place: Place;
  /** Bytes of its file. */
  size: number;
  /** Bytes of its record in the directory. */
  recordBytes: number;
}

export interface Room {
  /** Bytes of the disc that objects and directory may take. */
  bytes: number;
  /** Bytes of the directory that is there already and is written again. */
  directoryBytes: number;
}

const SECTOR_BYTES = 2048;
/** A file's entry in its folder, and the file entry that UDF adds. */
const FILE_BYTES = SECTOR_BYTES + 256;
/** A folder in the file system (twice, where names are also kept long), and the record that it has in the directory. */
const FOLDER_BYTES = 4 * SECTOR_BYTES;
/** Before the first file: system area, volume descriptors, path tables, UDF structures, and the head of the directory. */
const VOLUME_BYTES = 1 << 20;

/** A disc that fills. */
class Filling<T extends Piece> {
  readonly pieces: T[] = [];
  readonly #folders = new Set<string>();
  #left: number;

  constructor({ bytes, directoryBytes }: Room) {
    this.#left = bytes - VOLUME_BYTES - directoryBytes;
  }

  takes(pieces: readonly T[]): boolean {
    return this.#cost(pieces).bytes <= this.#left;
  }

  add(pieces: readonly T[]): void {
    const { bytes, folders } = this.#cost(pieces);
    for (const folder of folders) this.#folders.add(folder);
    for (const piece of pieces) this.pieces.push(piece);
    this.#left -= bytes;
  }

  #cost(pieces: readonly T[]): { bytes: number; folders: Set<string> } {
    const folders = new Set<string>();
    let bytes = 0;
    for (const { place, size, recordBytes } of pieces) {
      bytes += Math.ceil(size / SECTOR_BYTES) * SECTOR_BYTES + FILE_BYTES + recordBytes;
      for (const folder of foldersOf(place)) if (!this.#folders.has(folder)) folders.add(folder);
    }
    return { bytes: bytes + folders.size * FOLDER_BYTES, folders };
  }
}

/**
 * Pieces by disc, in their order; the first disc's may be none. A study is kept on one disc where one can hold it, then a series; only what no disc holds is cut.
 * @param first the disc that is in the burner
 * @param others what an empty disc offers
 * @throws ScannerError limit.size for a piece that no disc holds
 */
export function span<T extends Piece>(pieces: readonly T[], first: Room, others: Room): T[][] {
  const discs = [new Filling<T>(first)];
  for (const study of grouped(pieces, 'study')) place(study, ['series'], discs, others);
  return discs.map((disc) => disc.pieces);
}

function place<T extends Piece>(
  group: readonly T[],
  levels: readonly (keyof Place)[],
  discs: Filling<T>[],
  others: Room,
): void {
  let disc = discs.at(-1)!;
  if (!disc.takes(group)) {
    disc = new Filling<T>(others);
    if (!disc.takes(group)) {
      cut(group, levels, discs, others);
      return;
    }
    discs.push(disc);
  }
  disc.add(group);
}

function cut<T extends Piece>(
  group: readonly T[],
  [level, ...finer]: readonly (keyof Place)[],
  discs: Filling<T>[],
  others: Room,
): void {
  const [only] = group;
  if (only && group.length === 1) {
    throw new ScannerError('limit.size', { what: 'object for a disc', value: only.size, max: others.bytes });
  }
  const parts = level ? grouped(group, level) : group.map((piece) => [piece]);
  for (const part of parts) place(part, finer, discs, others);
}

/** Neighbours that share a folder. */
function grouped<T extends Piece>(pieces: readonly T[], level: keyof Place): T[][] {
  const groups: T[][] = [];
  let last: string | undefined;
  for (const piece of pieces) {
    const key = JSON.stringify([piece.place.patient, piece.place[level]]);
    if (key !== last) groups.push([]);
    groups.at(-1)!.push(piece);
    last = key;
  }
  return groups;
}

function foldersOf({ patient, study, series }: Place): string[] {
  return [patient, `${patient} ${study}`, `${patient} ${study} ${series}`];
}
