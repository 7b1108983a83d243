/** Media storage application profiles, and what they let onto a disc: Tables 96 and 97, section 10. */

import { ScannerError } from '../../hal/base/errors.js';
import { readTable } from '../../hal/base/table.js';

/** File-set creator, updater and reader: PS3.10. */
export type MediaRole = 'FSC' | 'FSU' | 'FSR';

export interface Profile {
  name: string;
  roles: readonly MediaRole[];
  medium: 'cd' | 'dvd';
  /** SOP classes; `all` of Table 97, or its `standard` ones without the private class. */
  classes: 'all' | 'standard' | readonly string[];
  /** Transfer syntaxes where the profile narrows those of Table 97. */
  syntaxes?: readonly string[];
}

/** A SOP class that media hold. */
export interface MediaClass {
  uid: string;
  /** Directory Record Type (0004,1430). */
  record: string;
  /** Rows and columns of its icon; absent for what is no image. */
  icon?: number;
  /** Name of its rows in `roles`. */
  roles: string;
}

/** What an object of a file-set is judged by. */
export interface Kind {
  sopClassUid: string;
  transferSyntaxUid: string;
}

interface ClassTable {
  /** By kind of class and transfer syntax: what it is to FSC, FSR and FSU (M, O or -). */
  roles: Readonly<Record<string, Readonly<Record<string, string>>>>;
  classes: readonly MediaClass[];
}

/** The class of raw data and the like, which only the private profiles take. */
export const CSA_NON_IMAGE = '1.3.12.2.1107.5.9.1';
export const BASIC_DIRECTORY = '1.2.840.10008.1.3.10';

const CLASSES: ClassTable = readTable(import.meta.url, './classes.json');
const BY_UID = new Map(CLASSES.classes.map((row) => [row.uid, row]));
const ROWS: { profiles: readonly Profile[] } = readTable(import.meta.url, './profiles.json');
const COLUMN: Readonly<Record<MediaRole, number>> = { FSC: 0, FSR: 1, FSU: 2 };

export const PROFILES: readonly Profile[] = ROWS.profiles.flatMap((row) =>
  spelledOut(row.name).map((name) => ({ ...row, name, medium: name.endsWith('DVD') ? 'dvd' : row.medium })),
);
/** The statement's products write this one where nothing else is asked for: 9.1. */
export const DEFAULT_PROFILE = 'PRI-SYNGO-CD';

export function mediaClass(uid: string): MediaClass | undefined {
  return BY_UID.get(uid);
}

/** Profiles of which we play a role. */
export function profilesFor(role: MediaRole): Profile[] {
  return PROFILES.filter(({ roles }) => roles.includes(role));
}

/** @throws ScannerError operator.unknown for a profile of which we do not play the role */
export function profileNamed(name: string, role: MediaRole): Profile {
  const found = profilesFor(role).find((profile) => profile.name === name.toUpperCase());
  if (found) return found;
  const known = profilesFor(role).map((profile) => profile.name);
  throw new ScannerError('operator.unknown', { what: `media profile for ${role}`, name, known: known.join(', ') });
}

/** Why an object may not be written (FSC, FSU) or read (FSR) under a profile; undefined when it may. */
export function refusedBy(
  profile: Profile,
  role: MediaRole,
  { sopClassUid, transferSyntaxUid }: Kind,
): string | undefined {
  const row = BY_UID.get(sopClassUid);
  if (!row || !takesClass(profile, sopClassUid)) return `${profile.name} has no SOP class ${sopClassUid}`;
  const requirement = CLASSES.roles[row.roles]?.[transferSyntaxUid]?.[COLUMN[role]] ?? '-';
  if (requirement !== '-' && (profile.syntaxes?.includes(transferSyntaxUid) ?? true)) return undefined;
  return `${profile.name} has no transfer syntax ${transferSyntaxUid} of SOP class ${sopClassUid} for ${role}`;
}

function takesClass({ classes }: Profile, uid: string): boolean {
  if (classes === 'all') return true;
  return classes === 'standard' ? uid !== CSA_NON_IMAGE : classes.includes(uid);
}

/** `A-{B,C}` as A-B and A-C. */
function spelledOut(name: string): string[] {
  const found = /^(.*?)\{(.*?)\}(.*)$/.exec(name);
  if (!found) return [name];
  const [, before = '', choices = '', after = ''] = found;
  return choices.split(',').flatMap((choice) => spelledOut(before + choice + after));
}
