/** ISO 9660 (ECMA-119) volumes: levels 1 to 3, several sessions. Joliet and Rock Ridge names are not read: a file-set has none (PS3.12 Annex F). */

import type { DiscSession } from '../disc-reader.js';
import { SECTOR, type Sectors } from './sectors.js';
import { damaged, type Node, type Volume } from './tree.js';

/** Where a session has its primary volume descriptor. */
const PVD = 16;
/** On an image file, the first sectors repeat the newest session's descriptors and the first session starts behind them. */
export const STAND_IN_SECTORS = 32;
/** Descriptors before the set terminator. */
const DESCRIPTOR_LIMIT = 64;
const FOLDER_LIMIT = 16 * 1024 * 1024;
/** Lead-out of the first session, lead-in and pregap of the next one, with slack: what may lie between sessions of a CD. */
const GAP_SECTORS = 12_000;
const SESSION_LIMIT = 100;

const FLAG = { folder: 2, associated: 4, moreExtents: 128 };

interface Descriptor {
  start: number;
  /** Sectors of the session, as it says. */
  sectors: number;
  volumeId: string;
  root: Node;
}

/** The descriptor of the session that starts at a sector; undefined when there is none. @throws ScannerError data.media */
async function descriptorAt(disc: Sectors, start: number): Promise<Descriptor | undefined> {
  for (let number = start + PVD; number < start + PVD + DESCRIPTOR_LIMIT; number++) {
    if ((number + 1) * SECTOR > disc.size) return undefined;
    const sector = await disc.sector(number, 'volume descriptor');
    if (sector.toString('latin1', 1, 6) !== 'CD001') return undefined;
    if (sector[0] === 255) return undefined;
    if (sector[0] === 1) return parseDescriptor(sector, start, number);
  }
  return undefined;
}

function parseDescriptor(sector: Buffer, start: number, number: number): Descriptor {
  const blockSize = sector.readUInt16LE(128);
  if (blockSize !== SECTOR) {
    throw damaged('ISO 9660 descriptor', `sector ${number}`, `blocks of ${blockSize} bytes, expected ${SECTOR}`);
  }
  const { node } = parseRecord(sector, 156, `descriptor at sector ${number}`);
  if (node.kind !== 'folder') throw damaged('ISO 9660 descriptor', `sector ${number}`, 'its root is no folder');
  return {
    start,
    sectors: sector.readUInt32LE(80),
    volumeId: sector.toString('latin1', 40, 72).trimEnd(),
    root: node,
  };
}

/** The directory record at `at`. ECMA-119 9.1. */
function parseRecord(bytes: Buffer, at: number, where: string): { node: Node; length: number; flags: number } {
  const length = bytes[at] ?? 0;
  const nameLength = bytes[at + 32] ?? 0;
  if (length < 34 || at + length > bytes.length || 33 + nameLength > length) {
    throw damaged('directory record', where, `length ${length} with a name of ${nameLength} at byte ${at}`);
  }
  if (bytes[at + 26] !== 0 || bytes[at + 27] !== 0) throw damaged('directory record', where, 'is an interleaved file');
  const flags = bytes[at + 25] ?? 0;
  const size = bytes.readUInt32LE(at + 10);
  const sector = bytes.readUInt32LE(at + 2) + (bytes[at + 1] ?? 0);
  const name = bytes.toString('latin1', at + 33, at + 33 + nameLength);
  const system = bytes.subarray(at + 33 + nameLength + (nameLength % 2 === 0 ? 1 : 0), at + length);
  const kind = flags & FLAG.folder ? 'folder' : isLink(system) ? 'link' : 'file';
  const extents = [{ offset: sector * SECTOR, length: size }];
  return { node: { name: plainName(name), kind, size, extents }, length, flags };
}

/** `IM000001.;1` is the file IM000001. */
function plainName(name: string): string {
  return name.replace(/;\d+$/, '').replace(/\.$/, '');
}

/** A Rock Ridge SL entry among the system use entries. */
function isLink(system: Buffer): boolean {
  for (let at = 0; at + 4 <= system.length; ) {
    if (system.toString('latin1', at, at + 2) === 'SL') return true;
    const length = system[at + 2] ?? 0;
    if (length < 4) return false;
    at += length;
  }
  return false;
}

async function children(disc: Sectors, folder: Node, where: string): Promise<Node[]> {
  const extent = folder.extents[0];
  if (extent?.offset === undefined || extent.length > FOLDER_LIMIT) {
    throw damaged('folder', where, `has ${extent?.length} bytes, at most ${FOLDER_LIMIT}`);
  }
  const bytes = await disc.read(extent.offset, extent.length, where);
  const nodes = new Map<string, Node>();
  let unfinished: Node | undefined;
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === 0) {
      at = (Math.floor(at / SECTOR) + 1) * SECTOR; // records do not cross sectors
      continue;
    }
    const { node, length, flags } = parseRecord(bytes, at, where);
    at += length;
    if (node.name === '\0' || node.name === '\x01' || flags & FLAG.associated) continue;
    if (/[/\0]/.test(node.name) || node.name === '' || node.name === '.' || node.name === '..') {
      throw damaged('folder', where, `has an entry named ${JSON.stringify(node.name)}`);
    }
    const whole: Node = unfinished?.name === node.name ? joined(unfinished, node) : node;
    unfinished = flags & FLAG.moreExtents ? whole : undefined;
    // of several versions of a file the newest comes first: ECMA-119 9.3
    if (!unfinished && !nodes.has(whole.name)) nodes.set(whole.name, whole);
  }
  return [...nodes.values()];
}

function joined(first: Node, next: Node): Node {
  return { ...first, size: first.size + next.size, extents: [...first.extents, ...next.extents] };
}

/** All sessions, oldest first; none when the disc has no ISO 9660 at all. @throws ScannerError data.media, data.truncated */
async function descriptors(disc: Sectors): Promise<Descriptor[]> {
  const first = await descriptorAt(disc, 0);
  const behind = await descriptorAt(disc, STAND_IN_SECTORS);
  const standIn = behind && rootOf(behind) >= STAND_IN_SECTORS && first && rootOf(first) >= rootOf(behind);
  let newest = standIn ? behind : first;
  const found: Descriptor[] = [];
  while (newest && found.length < SESSION_LIMIT) {
    found.push(newest);
    // a session that was begun after the stand-in was written has not been closed
    if (standIn && rootOf(newest) >= rootOf(first)) return found;
    newest = await following(disc, newest);
  }
  // a session that broke off lies between: the newest one is what the stand-in says
  return standIn ? [...found, first] : found;
}

function rootOf({ root }: Descriptor): number {
  return (root.extents[0]?.offset ?? 0) / SECTOR;
}

/** The session after this one: behind a gap, where a drive's lead-out and lead-in were. */
async function following(disc: Sectors, { start, sectors }: Descriptor): Promise<Descriptor | undefined> {
  if (!Number.isFinite(disc.size)) return undefined; // a device: its table of contents tells
  const from = start + Math.max(1, sectors);
  const last = Math.min(from + GAP_SECTORS, Math.floor(disc.size / SECTOR) - PVD - 1);
  const step = 256;
  for (let at = from; at <= last; at += step) {
    const count = Math.min(step, last - at + 1);
    const bytes = await disc.read((at + PVD) * SECTOR, count * SECTOR, 'gap between sessions');
    for (let index = 0; index < count; index++) {
      if (bytes.toString('latin1', index * SECTOR, index * SECTOR + 6) !== '\x01CD001') continue;
      const found = await descriptorAt(disc, at + index);
      if (found && rootOf(found) >= at + index) return found;
    }
  }
  return undefined;
}

/** @param starts where sessions start, from the drive's table of contents; found in the image without it */
export async function isoSessions(
  disc: Sectors,
  starts?: readonly number[],
): Promise<{ session: DiscSession; volume: Volume }[]> {
  const found = starts ? await Promise.all(starts.map((start) => descriptorAt(disc, start))) : await descriptors(disc);
  return found
    .filter((one) => one !== undefined)
    .map(({ start, volumeId, root }, index) => ({
      session: { number: index + 1, startSector: start, volumeId },
      volume: {
        format: 'iso9660',
        volumeId,
        root,
        children: (folder, where) => children(disc, folder, where),
      },
    }));
}
