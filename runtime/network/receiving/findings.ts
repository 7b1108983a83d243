import { INDEXED_TAGS } from '../../archive/attributes.js';
import type { ByteStore } from '../../dicom/codecs/bytes.js';
import { isKnownPrivate } from '../../dicom/codecs/private.js';
import { DatasetWalker, encodingOf, isPrivateTag, type Token, walk } from '../../dicom/codecs/walker.js';

/** What one look over a dataset's headers finds. */
export interface Findings {
  sopClassUid: string;
  sopInstanceUid: string;
  studyInstanceUid: string;
  seriesInstanceUid: string;
  /** Private elements at the top that nobody registered. */
  unknownPrivate: boolean;
  /** Private elements in items of sequences. */
  nestedPrivate: boolean;
  /** Where the elements stand that the index reads, neighbours together: first byte, and the one behind the last. */
  indexed: [number, number][];
}

/** A UID has 64 bytes; what is longer is not read to find that out. */
const MAX_UID_BYTES = 128;

const INDEXED: ReadonlySet<number> = new Set([...INDEXED_TAGS].map((tag) => Number.parseInt(tag, 16)));

const UID_TAGS: ReadonlyMap<number, 'sopClassUid' | 'sopInstanceUid' | 'studyInstanceUid' | 'seriesInstanceUid'> =
  new Map([
    [0x00080016, 'sopClassUid'],
    [0x00080018, 'sopInstanceUid'],
    [0x0020000d, 'studyInstanceUid'],
    [0x0020000e, 'seriesInstanceUid'],
  ]);

/**
 * Walks a dataset from end to end without its values. An absent UID is empty; one that is too long to be one is given cut.
 * @throws ScannerError data.dicom, data.truncated where the structure is broken
 */
export async function inspect(bytes: ByteStore, transferSyntax: string): Promise<Findings> {
  const found: Findings = {
    sopClassUid: '',
    sopInstanceUid: '',
    studyInstanceUid: '',
    seriesInstanceUid: '',
    unknownPrivate: false,
    nestedPrivate: false,
    indexed: [],
  };
  const walker = new DatasetWalker(bytes.size, encodingOf(transferSyntax), {
    wants: (tag, length, depth) => depth === 0 && length <= MAX_UID_BYTES && UID_TAGS.has(tag),
  });
  await walk(bytes, walker, (token) => {
    if (token.depth === 0 && INDEXED.has(token.tag)) noteIndexed(found, token);
    if (token.kind !== 'element' && token.kind !== 'sequence' && token.kind !== 'pixels') return;
    if (isPrivateTag(token.tag)) notePrivate(found, token);
    const field = token.depth === 0 ? UID_TAGS.get(token.tag) : undefined;
    if (field && token.kind === 'element') found[field] = uidIn(token, walker);
  });
  return found;
}

function noteIndexed({ indexed }: Findings, { kind, offset, valueOffset, length }: Token): void {
  const last = indexed.at(-1);
  if (kind === 'element' || kind === 'sequence') {
    const end = kind === 'element' ? valueOffset + length : valueOffset;
    if (last?.[1] === offset) last[1] = end;
    else indexed.push([offset, end]);
  } else if (kind === 'sequenceEnd' && last) last[1] = valueOffset;
}

function notePrivate(found: Findings, token: Token): void {
  if (token.depth > 0) found.nestedPrivate = true;
  else if (!found.unknownPrivate) found.unknownPrivate = !isKnownPrivate(token);
}

function uidIn(token: Token, walker: DatasetWalker): string {
  if (token.length > MAX_UID_BYTES) return `(${token.length} bytes)`;
  return walker
    .value(token)
    .toString('latin1')
    .replace(/[\0 ]+$/, '');
}
