import { DEFAULT_IMPLEMENTATION, type Implementation } from '../implementation.js';
import { dataset, set, setElement } from './dataset.js';
import { encodeElementHeader } from './element-header.js';
import { encodeDataset } from './encode.js';
import { EXPLICIT_LITTLE_ENDIAN, encodingOf } from './transfer-syntax.js';

/** Headers kept ready: as many kinds of objects and senders as one may meet at a time. */
const KEPT = 100;

/** A meta header without its instance, whose UID goes between the two. */
interface Around {
  before: Buffer;
  after: Buffer;
}

const kept = new Map<string, Around>();

/** The preamble, DICM and the file meta information of an object: PS3.10 7.1. @throws ScannerError data.text */
export function encodeFileMeta(
  object: { sopClassUid: string; sopInstanceUid: string; transferSyntax: string },
  { implementation = DEFAULT_IMPLEMENTATION, sourceAeTitle = '' }: MetaOptions = {},
): Buffer {
  const { sopClassUid, transferSyntax } = object;
  const key = [sopClassUid, transferSyntax, implementation.classUid, implementation.versionName, sourceAeTitle].join(
    '\0',
  );
  let around = kept.get(key);
  if (!around) {
    around = encodeAround(sopClassUid, transferSyntax, implementation, sourceAeTitle);
    if (kept.size >= KEPT) kept.clear();
    kept.set(key, around);
  }
  const instance = encode(set({}, 'MediaStorageSOPInstanceUID', object.sopInstanceUid));
  const meta = Buffer.concat([around.before, instance, around.after]);
  meta.writeUInt32LE(meta.length - GROUP_START, GROUP_START - 4);
  return meta;
}

interface MetaOptions {
  implementation?: Implementation;
  sourceAeTitle?: string;
}

/** Preamble, DICM and the group length with its value. */
const GROUP_START = 144;

function encodeAround(
  sopClassUid: string,
  transferSyntax: string,
  implementation: Implementation,
  sourceAeTitle: string,
): Around {
  const first = dataset({
    FileMetaInformationVersion: Uint8Array.of(0, 1),
    MediaStorageSOPClassUID: sopClassUid,
  });
  const last = dataset({
    TransferSyntaxUID: transferSyntax,
    ImplementationClassUID: implementation.classUid,
    ImplementationVersionName: implementation.versionName,
  });
  if (sourceAeTitle) setElement(last, 'SourceApplicationEntityTitle', 'AE', [sourceAeTitle]);
  const groupLength = encodeElementHeader('00020000', 'UL', 4, encodingOf(EXPLICIT_LITTLE_ENDIAN));
  const magic = [Buffer.alloc(128), Buffer.from('DICM', 'latin1'), groupLength, Buffer.alloc(4)];
  return { before: Buffer.concat([...magic, encode(first)]), after: encode(last) };
}

function encode(part: Parameters<typeof encodeDataset>[0]): Buffer {
  return encodeDataset(part, EXPLICIT_LITTLE_ENDIAN);
}
