import dcmjs from 'dcmjs';
import { ScannerError } from '../../../hal/base/errors.js';
import { readTable } from '../../../hal/base/table.js';

export type ValueKind =
  | 'ascii'
  | 'ascii-paragraph'
  | 'big'
  | 'bytes'
  | 'decimal'
  | 'number'
  | 'paragraph'
  | 'sequence'
  | 'tag'
  | 'text';

/** How values of one VR are written: PS3.5 6.2 and 7.1.2. */
export interface VrRule {
  kind: ValueKind;
  /** 32-bit length field in explicit VR. */
  long: boolean;
  /** Byte that makes an odd value even. */
  pad: number;
  /** Bytes of one binary value. */
  size?: number;
  /** Bytes of the words that a value of bytes is made of, which big endian turns round: PS3.5 7.3. */
  unit?: 2 | 4 | 8;
  /** Longest single value, in characters. */
  max?: number;
}

const VRS: ReadonlyMap<string, VrRule> = new Map(
  Object.entries(readTable<Record<string, VrRule>>(import.meta.url, '../tables/vrs.json')),
);
const { dictionary, nameMap, sopClassNamesByUID } = dcmjs.data.DicomMetaDictionary;

// dcmjs writes those attributes whose VR depends on others with codes of its own
const AMBIGUOUS: Readonly<Record<string, string>> = { ox: 'OW', xs: 'US', lt: 'OW', up: 'UL' };

dcmjs.log.setLevel('silent');

/** @returns undefined when `vr` is not a VR of PS3.5 */
export function vrRule(vr: string): VrRule | undefined {
  return VRS.get(vr);
}

/**
 * The tag 'GGGGEEEE' of a dictionary keyword; a tag passes through in upper case.
 * @throws ScannerError bug.contract for an unknown keyword
 */
export function tagOf(keyword: string): string {
  if (/^[0-9A-Fa-f]{8}$/.test(keyword)) return keyword.toUpperCase();
  const entry = nameMap[keyword];
  if (!entry) throw new ScannerError('bug.contract', { message: `no attribute ${keyword} in the DICOM dictionary` });
  return entry.tag.slice(1, 5) + entry.tag.slice(6, 10);
}

/** The keyword of a standard tag, or undefined. */
export function keywordOf(tag: string): string | undefined {
  return dictionary[`(${tag.slice(0, 4)},${tag.slice(4)})`]?.name;
}

/**
 * The VR of a tag for implicit VR and for authored elements; UN when unknown.
 * @param creator the private creator that reserves the tag's block, when it is private
 */
export function vrOf(tag: string, creator?: string): string {
  if (tag.endsWith('0000')) return 'UL';
  if (isPrivate(tag)) {
    if (/^00[1-9A-F][0-9A-F]$/.test(tag.slice(4))) return 'LO';
    const vr = creator ? dictionary[`(${tag.slice(0, 4)},"${creator}",${tag.slice(6)})`]?.vr : undefined;
    return vr && vrRule(vr) ? vr : 'UN';
  }
  const vr = dictionary[`(${tag.slice(0, 4)},${tag.slice(4)})`]?.vr;
  if (!vr) return 'UN';
  const settled = AMBIGUOUS[vr] ?? vr;
  return vrRule(settled) ? settled : 'UN';
}

/** True for attributes whose VR is US or SS as Pixel Representation says: PS3.6. */
export function isSignDependent(tag: string): boolean {
  return dictionary[`(${tag.slice(0, 4)},${tag.slice(4)})`]?.vr === 'xs';
}

export function isPrivate(tag: string): boolean {
  return (Number.parseInt(tag.slice(3, 4), 16) & 1) === 1;
}

/** The name of a SOP class for people, or its UID. */
export function sopClassName(uid: string): string {
  return sopClassNamesByUID[uid] ?? uid;
}
