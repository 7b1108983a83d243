import { type Dataset, text, texts } from '../dataset/dataset.js';
import { deriveUid } from '../dataset/uid.js';
import { type NewElement, textElement } from './elements.js';

export interface LossyChanges {
  sopInstanceUid: string;
  set: NewElement[];
  append: ReadonlyMap<number, readonly NewElement[]>;
}

interface Source {
  sopClassUid: string;
  sopInstanceUid: string;
}

/** Lossy Image Compression Method by transfer syntax: PS3.3 C.7.6.1.1.5.1. */
const METHOD: Readonly<Record<string, string>> = { '1.2.840.10008.1.2.4.50': 'ISO_10918_1' };
const CODE = { lossyCompression: ['113040', 'Lossy Compression'], predecessor: ['121320', 'Uncompressed predecessor'] };

/**
 * What makes a lossy image an object of its own. Its pixels differ so that their reading may be affected; such an image is derived and
 * has a UID of its own (PS3.3 C.7.6.1.1.2), says what it was made from and how (C.7.6.1.1.4), and what was lost (C.7.6.1.1.5). The UID is
 * always the same for one image and quality, so that sending it again sends the same object.
 */
export function lossyChanges(
  source: Source,
  attributes: Dataset,
  { to, ratio, quality, uidRoot }: { to: string; ratio: number; quality: number; uidRoot?: string },
): LossyChanges {
  const sopInstanceUid = deriveUid(`${source.sopInstanceUid} ${to} ${quality}`, uidRoot);
  const imageType = texts(attributes, 'ImageType');
  const type = ['DERIVED', imageType[1] ?? 'PRIMARY', ...imageType.slice(2)].join('\\');
  const ratios = [...texts(attributes, 'LossyImageCompressionRatio'), ratio.toFixed(2)].join('\\');
  const methods = [...texts(attributes, 'LossyImageCompressionMethod'), METHOD[to]].join('\\');
  const described = text(attributes, 'DerivationDescription') !== undefined;
  return {
    sopInstanceUid,
    set: [
      textElement(0x00080008, 'CS', type),
      textElement(0x00080018, 'UI', sopInstanceUid),
      // a description that is there tells of an earlier derivation; ours stands in the code sequence
      ...(described ? [] : [textElement(0x00082111, 'ST', `JPEG baseline, quality ${quality}`)]),
      textElement(0x00282110, 'CS', '01'),
      textElement(0x00282112, 'DS', ratios),
      textElement(0x00282114, 'CS', methods),
    ],
    append: new Map([
      [0x00082112, sourceImage(source)],
      [0x00089215, codeItem(CODE.lossyCompression)],
    ]),
  };
}

function sourceImage({ sopClassUid, sopInstanceUid }: Source): NewElement[] {
  return [
    textElement(0x00081150, 'UI', sopClassUid),
    textElement(0x00081155, 'UI', sopInstanceUid),
    { tag: 0x0040a170, vr: 'SQ', value: [codeItem(CODE.predecessor)] },
  ];
}

function codeItem([value, meaning]: readonly string[]): NewElement[] {
  return [
    textElement(0x00080100, 'SH', value!),
    textElement(0x00080102, 'SH', 'DCM'),
    textElement(0x00080104, 'LO', meaning!),
  ];
}
