import { readTable } from '../../../hal/base/table.js';

interface PrivateBlock {
  creator: string;
  /** 'GGGG' */
  group: string;
  rows: readonly { element: string; name: string; vr: string }[];
}

const BLOCKS: readonly PrivateBlock[] = readTable(import.meta.url, '../tables/private.json');
const CREATORS = new Set(BLOCKS.map(({ creator, group }) => `${group} ${creator}`));
const VRS = new Map(
  BLOCKS.flatMap(({ creator, group, rows }) => rows.map(({ element, vr }) => [`${group}${element} ${creator}`, vr])),
);

/** The VR of a registered private element, whichever block it stands in; undefined for one that nobody registered. */
export function privateVr(creator: string, tag: number): string | undefined {
  return VRS.get(`${groupOf(tag)}${hex(tag & 0xff, 2)} ${creator}`);
}

/** True when the creator has registered elements in the tag's group. */
export function isKnownCreator(creator: string, tag: number): boolean {
  return CREATORS.has(`${groupOf(tag)} ${creator}`);
}

function groupOf(tag: number): string {
  return hex(tag >>> 16, 4);
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
