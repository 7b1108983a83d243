import { ScannerError } from '../../../hal/base/errors.js';
import type { ByteStore } from '../../dicom/codecs/bytes.js';
import { decodeFrame } from '../../dicom/codecs/codec.js';
import { elementHeader, type NewElement, textElement } from '../../dicom/codecs/elements.js';
import { frameBytes, type PixelFormat } from '../../dicom/codecs/format.js';
import { encapsulatedFrames } from '../../dicom/codecs/frames.js';
import { findPixels } from '../../dicom/codecs/image.js';
import type { Plan } from '../../dicom/codecs/plan.js';
import type { CodecPool } from '../../dicom/codecs/pool.js';
import { isKnownPrivate } from '../../dicom/codecs/private.js';
import { type Rewrite, rewriteDataset } from '../../dicom/codecs/rewrite.js';
import { encodingOf, isPrivateTag, type Token } from '../../dicom/codecs/walker.js';
import { TRANSFER_SYNTAXES } from '../../dicom/dataset/transfer-syntax.js';
import { deriveUid } from '../../dicom/dataset/uid.js';
import type { IncomingObject } from '../../dicom/services/store-scp.js';
import { storageClass } from '../../dicom/storage-classes.js';
import type { Findings } from './findings.js';

/** What the statement orders to be done to one received object: notes of Table 6, and 3.2.3.1.5. */
export interface Changes {
  /** Private elements that nobody registered: implicit VR does not say what they are. */
  dropUnknownPrivate: boolean;
  /** Private elements in items of sequences. */
  dropNestedPrivate: boolean;
  /** The class that replaces a retired one; the object becomes a new one. */
  sopClassUid?: string;
  /** The syntax into which coded pixels are decoded. */
  transferSyntax?: string;
}

export interface ChangedObject {
  sopClassUid: string;
  sopInstanceUid: string;
  transferSyntax: string;
  plan: Plan;
}

const SOURCE_IMAGE_SEQUENCE = 0x00082112;
/** Of coded pixels only. */
const EXTENDED_OFFSETS: ReadonlySet<number> = new Set([0x7fe00001, 0x7fe00002]);
const PIXEL_DATA = 0x7fe00010;

/** @returns undefined for nearly all objects: they stay as they came */
export function changesFor({ sopClassUid, transferSyntax }: IncomingObject, found: Findings): Changes | undefined {
  const changes: Changes = {
    dropUnknownPrivate: found.unknownPrivate && encodingOf(transferSyntax).implicit,
    dropNestedPrivate: found.nestedPrivate,
    sopClassUid: storageClass(sopClassUid)?.importAs,
    transferSyntax: TRANSFER_SYNTAXES[transferSyntax]?.importAs,
  };
  return Object.values(changes).some(Boolean) ? changes : undefined;
}

/** The UID under which an object of a retired class is kept: always the same, so that it is known when it comes again. */
export function convertedUid(sopInstanceUid: string, root?: string): string {
  return deriveUid(`converted ${sopInstanceUid}`, root);
}

/**
 * Plans the object as it is to be kept; values and frames of any size are not loaded.
 * @throws ScannerError data.*, limit.size
 */
export async function changeObject(
  bytes: ByteStore,
  object: IncomingObject,
  changes: Changes,
  options: { codecs: CodecPool; uidRoot?: string },
): Promise<ChangedObject> {
  const sopClassUid = changes.sopClassUid ?? object.sopClassUid;
  const isNew = changes.sopClassUid !== undefined;
  const sopInstanceUid = isNew ? convertedUid(object.sopInstanceUid, options.uidRoot) : object.sopInstanceUid;
  const encoding = encodingOf(object.transferSyntax);
  const rewrite: Rewrite = { from: encoding, to: encoding, keeps: keeper(changes) };
  if (isNew) {
    rewrite.set = [textElement(0x00080016, 'UI', sopClassUid), textElement(0x00080018, 'UI', sopInstanceUid)];
    rewrite.append = new Map([[SOURCE_IMAGE_SEQUENCE, sourceImage(object)]]);
  }
  if (changes.transferSyntax) rewrite.pixels = await decodedPixels(bytes, object.transferSyntax, options.codecs);
  const transferSyntax = changes.transferSyntax ?? object.transferSyntax;
  return { sopClassUid, sopInstanceUid, transferSyntax, plan: await rewriteDataset(bytes, rewrite) };
}

function keeper(changes: Changes): (token: Token) => boolean {
  return (token) => {
    if (changes.transferSyntax && EXTENDED_OFFSETS.has(token.tag)) return false;
    if (!isPrivateTag(token.tag)) return true;
    if (token.depth > 0) return !changes.dropNestedPrivate;
    return !changes.dropUnknownPrivate || isKnownPrivate(token);
  };
}

/** Where the new object came from: PS3.3 C.7.6.1.1.4. */
function sourceImage({ sopClassUid, sopInstanceUid }: IncomingObject): NewElement[] {
  return [textElement(0x00081150, 'UI', sopClassUid), textElement(0x00081155, 'UI', sopInstanceUid)];
}

async function decodedPixels(bytes: ByteStore, transferSyntax: string, codecs: CodecPool) {
  const { format, place, encapsulated } = await findPixels(bytes, transferSyntax);
  if (!encapsulated) throw new ScannerError('data.dicom', { where: 'pixel data', message: 'it is not encapsulated' });
  const length = frameBytes(format) * format.frames;
  const padded = length + (length & 1);
  return (plan: Plan) => {
    const vr = format.bitsAllocated > 8 ? 'OW' : 'OB';
    plan.write(elementHeader(PIXEL_DATA, vr, padded, { implicit: false, bigEndian: false }));
    plan.stream(length, decodedFrames(bytes, place.offset, transferSyntax, format, codecs));
    if (padded > length) plan.write(Buffer.alloc(1));
  };
}

async function* decodedFrames(
  bytes: ByteStore,
  offset: number,
  transferSyntax: string,
  format: PixelFormat,
  codecs: CodecPool,
): AsyncGenerator<Uint8Array> {
  for await (const coded of encapsulatedFrames(bytes, offset, format.frames)) {
    yield (await decodeFrame(codecs, transferSyntax, format, coded)).bytes;
  }
}
