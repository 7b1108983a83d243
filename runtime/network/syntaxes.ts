/** In which transfer syntaxes objects are sent: 3.2.2.1.2 of the statement. */

import type { PixelFormat } from '../dicom/codecs/format.js';
import type { CodecPool } from '../dicom/codecs/pool.js';
import { recodeFile } from '../dicom/codecs/recode.js';
import type { FileMeta } from '../dicom/dataset/header.js';
import { TRANSFER_SYNTAXES } from '../dicom/dataset/transfer-syntax.js';
import type { SyntaxHooks } from '../dicom/services/store-scu.js';
import { SYNTAX_LISTS, type SyntaxLists, storageClass } from '../dicom/storage-classes.js';

/** What decides: the quality factor of what a user sends, or the compression types that a C-MOVE destination supports. */
export type Asked = { qualityFactor: number } | { compressionTypes: number };

export interface SyntaxOptions {
  asked: Asked;
  codecs: CodecPool;
  /** For coded frames that do not fit into memory. */
  folder: string;
  lists?: SyntaxLists;
  uidRoot?: string;
}

type Compression = 'lossless' | 'lossy';

/** Compression types: 0 and above 3 none, as 3.2.2.1.2 has it; 6.2.1 tells 1 and 2 the other way round. */
const BY_TYPES: Readonly<Record<number, readonly Compression[]>> = {
  1: ['lossy'],
  2: ['lossless'],
  3: ['lossless', 'lossy'],
};
/** Of lossy coding for a C-MOVE, for which the statement gives none. */
const MOVE_QUALITY = 90;
/** PET and NM: the statement compresses none of their signed images. */
const UNSIGNED_ONLY: ReadonlySet<string> = new Set(['1.2.840.10008.5.1.4.1.1.128', '1.2.840.10008.5.1.4.1.1.20']);

/** The hooks of a storage SCU that offer what was asked for and convert into it. */
export function syntaxHooks(options: SyntaxOptions): Required<SyntaxHooks> {
  const { asked, lists = SYNTAX_LISTS } = options;
  const compressed = compressions(asked).flatMap((kind) => lists[kind]);
  const quality = 'qualityFactor' in asked ? asked.qualityFactor : MOVE_QUALITY;
  return {
    offer: (meta) => offered(meta, compressed, lists.uncompressed),
    convert: (path, meta, to) => {
      const mayCompress = ({ signed }: PixelFormat) => !(signed && UNSIGNED_ONLY.has(meta.sopClassUid));
      return recodeFile(path, meta, to, { ...options, quality, mayCompress });
    },
  };
}

/** What is proposed besides the uncompressed syntaxes, best first. */
export function compressions(asked: Asked): readonly Compression[] {
  if ('compressionTypes' in asked) return BY_TYPES[asked.compressionTypes] ?? [];
  if (asked.qualityFactor === 0) return [];
  return asked.qualityFactor === 100 ? ['lossless'] : ['lossy'];
}

/** Whether a node that supports these compression types may have objects in a compressed syntax of its choice. */
export function supports(compressionTypes: number, transferSyntax: string): boolean {
  const { encapsulated, lossy } = TRANSFER_SYNTAXES[transferSyntax] ?? {};
  return encapsulated === true && compressions({ compressionTypes }).includes(lossy ? 'lossy' : 'lossless');
}

/**
 * Compressed where that is asked for, then the object's own syntax, then the other uncompressed ones. Its own lossless compression is
 * offered also when none is asked for, which the statement does not do: so the object goes as it came.
 */
function offered(
  { sopClassUid, transferSyntax }: FileMeta,
  compressed: readonly string[],
  uncompressed: readonly string[],
) {
  const own = TRANSFER_SYNTAXES[transferSyntax];
  // what is lossy would be decoded for nothing, and what we do not know cannot be converted
  if (!own || own.lossy || own.deflated || (own.encapsulated && !own.codec)) return [transferSyntax];
  const isImage = storageClass(sopClassUid)?.kind === 'image';
  const first = isImage ? compressed : [];
  const mayGoAsIs = own.encapsulated || uncompressed.includes(transferSyntax);
  return [...new Set([...first, ...(mayGoAsIs ? [transferSyntax] : []), ...uncompressed])];
}
