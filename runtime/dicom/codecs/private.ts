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

function isKnownCreator(creator: string, tag: number): boolean {
  return CREATORS.has(`${groupOf(tag)} ${creator}`);
}

function groupOf(tag: number): string {
  return hex(tag >>> 16, 4);
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}

/** True for a registered element, and for the reservation of a block by someone who registered some. */
export function isKnownPrivate({ tag, creator }: { tag: number; creator: string | undefined }): boolean {
  if (creator === undefined) return false;
  return isCreatorElement(tag) ? isKnownCreator(creator, tag) : privateVr(creator, tag) !== undefined;
}

/** True for (gggg,0010) to (gggg,00FF). */
export function isCreatorElement(tag: number): boolean {
  const element = tag & 0xffff;
  return element >= 0x10 && element <= 0xff;
}
